// openapi-generator's Go client, in use.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	api "items/openapi"
)

const (
	email    = "ada@example.com"
	password = "correct horse battery"
	unknown  = "00000000-0000-4000-8000-000000000000"
	day      = 24 * time.Hour
)

// step runs calls and prints whether they succeeded, as a line for the harness.
func step(name string, calls func()) {
	defer func() {
		if err := recover(); err != nil {
			fmt.Printf("failed\t%s\t%s\n", name, strings.Join(strings.Fields(fmt.Sprint(err)), " "))
		} else {
			fmt.Printf("ok\t%s\n", name)
		}
	}()
	calls()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func same(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("%v instead of %v", found, expected))
	}
}

// problem is the error's body, which must have this status.
func problem(response *http.Response, err error, status int) api.Problem {
	same(response.StatusCode, status)
	return err.(*api.GenericOpenAPIError).Model().(api.Problem)
}

func main() {
	configuration := api.NewConfiguration()
	configuration.Servers = api.ServerConfigurations{{URL: os.Args[1]}}
	client := api.NewAPIClient(configuration)
	ctx := context.Background()
	var item *api.Item
	var refresh, etag string
	signIn := func(request api.ApiCreateTokenRequest) {
		tokens, _, err := request.Execute()
		check(err)
		refresh = tokens.RefreshToken
		ctx = context.WithValue(context.Background(), api.ContextAccessToken, tokens.AccessToken)
	}

	step("register", func() {
		body := *api.NewUserInput(email, password)
		user, _, err := client.AuthAPI.RegisterUser(ctx).UserInput(body).Execute()
		check(err)
		same(user.GetEmail(), email)
	})
	step("sign in", func() {
		signIn(client.AuthAPI.CreateToken(ctx).GrantType("password").Username(email).Password(password))
	})
	step("create", func() {
		paint := *api.NewItemInput("Paint")
		paint.SetDescription("Two coats.")
		paint.SetStatus("doing")
		paint.SetQuantity(3)
		paint.SetTags([]string{"kitchen", "wall"})
		var err error
		item, _, err = client.ItemsAPI.CreateItem(ctx).ItemInput(paint).IdempotencyKey("paint").Execute()
		check(err)
		same([]any{item.Name, item.GetDescription(), string(item.Status), item.Quantity, item.Tags},
			[]any{"Paint", "Two coats.", "doing", int32(3), []string{"kitchen", "wall"}})
		_, _, err = client.ItemsAPI.CreateItem(ctx).ItemInput(*api.NewItemInput("Brush")).Execute()
		check(err)
	})
	step("list", func() {
		page, _, err := client.ItemsAPI.ListItems(ctx).Status([]api.ItemStatus{"todo", "doing"}).
			Tag([]string{"kitchen", "wall"}).Q("pai*").CreatedAfter(item.CreatedAt.Add(-day)).
			CreatedBefore(item.CreatedAt.Add(day)).UpdatedAfter(item.CreatedAt.Add(-day)).
			Sort("-name").IncludeTotal(true).Limit(10).Execute()
		check(err)
		same([]any{page.Items, page.GetTotal()}, []any{[]api.Item{*item}, int32(1)})
		page, _, err = client.ItemsAPI.ListItems(ctx).CreatedBefore(item.CreatedAt.Add(-day)).Execute()
		check(err)
		same(len(page.Items), 0)
	})
	step("304", func() {
		_, response, err := client.ItemsAPI.GetItem(ctx, item.Id).Execute()
		check(err)
		etag = response.Header.Get("ETag")
		_, response, _ = client.ItemsAPI.GetItem(ctx, item.Id).IfNoneMatch(etag).Execute()
		same(response.StatusCode, 304)
	})
	step("PUT", func() {
		body := *api.NewItemInput("Paint")
		body.SetQuantity(5)
		put, response, err := client.ItemsAPI.ReplaceItem(ctx, item.Id).ItemInput(body).IfMatch(etag).Execute()
		check(err)
		same([]any{put.Quantity, string(put.Status), put.Version}, []any{int32(5), "todo", int32(2)})
		etag = response.Header.Get("ETag")
	})
	step("PATCH", func() {
		body := *api.NewItemPatch()
		body.SetStatus("done")
		body.SetDescriptionNil()
		patched, response, err := client.ItemsAPI.UpdateItem(ctx, item.Id).ItemPatch(body).IfMatch(etag).Execute()
		check(err)
		same([]any{patched.Quantity, string(patched.Status), patched.Version}, []any{int32(5), "done", int32(3)})
		etag = response.Header.Get("ETag")
	})
	step("400", func() {
		_, response, err := client.ItemsAPI.ListItems(ctx).Cursor("none").Execute()
		found := problem(response, err, 400)
		same(*found.Errors[0].Parameter, "cursor")
	})
	step("404", func() {
		_, response, err := client.ItemsAPI.GetItem(ctx, unknown).Execute()
		problem(response, err, 404)
	})
	step("412", func() {
		body := *api.NewItemPatch()
		body.SetQuantity(1)
		_, response, err := client.ItemsAPI.UpdateItem(ctx, item.Id).ItemPatch(body).IfMatch(`"1"`).Execute()
		problem(response, err, 412)
	})
	step("delete", func() {
		response, err := client.ItemsAPI.DeleteItem(ctx, item.Id).IfMatch(etag).Execute()
		check(err)
		same(response.StatusCode, 204)
	})
	step("refresh", func() {
		signIn(client.AuthAPI.CreateToken(ctx).GrantType("refresh_token").RefreshToken(refresh))
		me, _, err := client.UsersAPI.GetCurrentUser(ctx).Execute()
		check(err)
		same(me.GetEmail(), email)
	})
}
