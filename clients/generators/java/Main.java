// openapi-generator's Java client, in use.
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.ApiResponse;
import org.openapitools.client.api.AuthApi;
import org.openapitools.client.api.ItemsApi;
import org.openapitools.client.api.UsersApi;
import org.openapitools.client.model.*;

public class Main {
    static final String EMAIL = "ada@example.com";
    static final String PASSWORD = "correct horse battery";
    static final UUID UNKNOWN = UUID.fromString("00000000-0000-4000-8000-000000000000");
    static Item item;
    static String access, refresh, etag;

    interface Calls {
        void run() throws Exception;
    }

    /** Run `calls` and print whether they succeeded, as a line for the harness. */
    static void step(String name, Calls calls) {
        try {
            calls.run();
            System.out.println("ok\t" + name);
        } catch (Exception error) {
            System.out.println("failed\t" + name + "\t" + String.join(" ", error.toString().split("\\s+")));
        }
    }

    static void same(Object found, Object expected) throws Exception {
        if (!found.equals(expected)) throw new Exception(found + " instead of " + expected);
    }

    /** The body of the error with which the call fails. */
    static String refused(int status, Calls call) throws Exception {
        try {
            call.run();
        } catch (ApiException error) {
            same(error.getCode(), status);
            return error.getResponseBody();
        }
        throw new Exception("the call did not fail");
    }

    static String etag(ApiResponse<Item> response) {
        return response.getHeaders().get("etag").get(0);
    }

    static void signIn(TokenPair tokens) {
        access = tokens.getAccessToken();
        refresh = tokens.getRefreshToken();
    }

    public static void main(String[] arguments) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(arguments[0]);
        client.setRequestInterceptor(request -> {
            if (access != null) request.header("Authorization", "Bearer " + access);
        });
        AuthApi auth = new AuthApi(client);
        ItemsApi items = new ItemsApi(client);
        UsersApi users = new UsersApi(client);
        List<String> tags = List.of("kitchen", "wall");

        step("register", () -> {
            same(auth.registerUser(new UserInput().email(EMAIL).password(PASSWORD), null, null).getEmail(), EMAIL);
        });
        step("sign in", () -> signIn(auth.createToken(GrantType.PASSWORD, null, EMAIL, PASSWORD, null)));
        step("create", () -> {
            ItemInput paint = new ItemInput().name("Paint").description("Two coats.");
            paint.status(ItemStatus.DOING).quantity(3).addTagsItem("kitchen").addTagsItem("wall");
            item = items.createItem(paint, UUID.randomUUID().toString(), null);
            same(Arrays.asList(item.getName(), item.getDescription(), item.getStatus(), item.getQuantity(), List.copyOf(item.getTags())),
                Arrays.asList("Paint", "Two coats.", ItemStatus.DOING, 3, tags));
            items.createItem(new ItemInput().name("Brush"), null, null);
        });
        step("list", () -> {
            OffsetDateTime from = item.getCreatedAt().minusDays(1);
            OffsetDateTime to = item.getCreatedAt().plusDays(1);
            List<ItemStatus> open = List.of(ItemStatus.TODO, ItemStatus.DOING);
            ItemPage page = items.listItems(
                10, null, true, ItemSort.fromValue("-name"), open, tags, "pai*", from, to, from, null, null, null);
            same(page.getItems(), List.of(item));
            same(page.getTotal(), 1);
            page = items.listItems(null, null, null, null, null, null, null, null, from, null, null, null, null);
            same(page.getItems(), List.of());
        });
        step("304", () -> {
            etag = etag(items.getItemWithHttpInfo(item.getId(), null, null, null));
            refused(304, () -> items.getItem(item.getId(), null, etag, null));
        });
        step("PUT", () -> {
            ItemInput body = new ItemInput().name("Paint").quantity(5);
            ApiResponse<Item> put = items.replaceItemWithHttpInfo(item.getId(), body, etag, null, null, null);
            same(put.getData().getQuantity(), 5);
            same(put.getData().getStatus(), ItemStatus.TODO);
            same(put.getData().getVersion(), 2);
            etag = etag(put);
        });
        step("PATCH", () -> {
            ItemPatch body = new ItemPatch().status(ItemStatus.DONE);
            ApiResponse<Item> patched = items.updateItemWithHttpInfo(item.getId(), body, etag, null, null, null);
            same(patched.getData().getQuantity(), 5);
            same(patched.getData().getStatus(), ItemStatus.DONE);
            same(patched.getData().getVersion(), 3);
            etag = etag(patched);
        });
        step("400", () -> {
            String body = refused(400, () ->
                items.listItems(null, "none", null, null, null, null, null, null, null, null, null, null, null));
            Problem problem = client.getObjectMapper().readValue(body, Problem.class);
            same(problem.getErrors().get(0).getParameter(), "cursor");
        });
        step("404", () -> refused(404, () -> items.getItem(UNKNOWN, null, null, null)));
        step("412", () -> {
            ItemPatch body = new ItemPatch().quantity(1);
            refused(412, () -> items.updateItem(item.getId(), body, "\"1\"", null, null, null));
        });
        step("delete", () -> same(items.deleteItemWithHttpInfo(item.getId(), etag, null, null, null).getStatusCode(), 204));
        step("refresh", () -> {
            signIn(auth.createToken(GrantType.REFRESH_TOKEN, null, null, null, refresh));
            same(users.getCurrentUser(null, null, null).getEmail(), EMAIL);
        });
    }
}
