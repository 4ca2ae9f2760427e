<?php
// openapi-generator's PHP client, in use: php main.php FOLDER SERVER, with Guzzle as Debian installs it.
use OpenAPI\Client\Api\{AuthApi, ItemsApi, UsersApi};
use OpenAPI\Client\ApiException;
use OpenAPI\Client\Configuration;
use OpenAPI\Client\Model\{ItemInput, ItemPatch, UserInput};

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery';
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
[, $folder, $server] = $argv;
require 'GuzzleHttp/autoload.php';
spl_autoload_register(function (string $class) use ($folder): void {
    $path = $folder . '/lib/' . strtr(substr($class, strlen('OpenAPI\\Client\\')), '\\', '/') . '.php';
    if (str_starts_with($class, 'OpenAPI\\Client\\') && is_file($path)) {
        require $path;
    }
});
set_error_handler(function (int $level, string $message): never {
    throw new ErrorException($message);
}, E_ALL & ~E_DEPRECATED);

/** Run `$calls` and print whether they succeeded, as a line for the harness. */
function step(string $name, callable $calls): void
{
    try {
        $calls();
        print("ok\t$name\n");
    } catch (Throwable $error) {
        $text = preg_replace('/\s+/', ' ', $error->getMessage());
        print("failed\t$name\t" . $error::class . ": $text\n");
    }
}

function same(mixed $found, mixed $expected): void
{
    if ($found != $expected) {
        throw new Exception(json_encode($found) . ' instead of ' . json_encode($expected));
    }
}

function refused(int $status, callable $call): ?object
{
    try {
        $call();
    } catch (ApiException $error) {
        same($error->getCode(), $status);
        return $error->getResponseObject();
    }
    throw new Exception('the call did not fail');
}

/** The ETag of a response; the case of a header's name is the server's. */
function etag(array $response): string
{
    return array_change_key_case($response[2])['etag'][0];
}

$format = Configuration::BOOLEAN_FORMAT_STRING;
Configuration::getDefaultConfiguration()->setBooleanFormatForQueryString($format);
$configuration = (new Configuration())->setHost($server);
$auth = new AuthApi(null, $configuration);
$items = new ItemsApi(null, $configuration);
$users = new UsersApi(null, $configuration);
$day = new DateInterval('P1D');
$item = $refresh = $etag = null;

step('register', function () use ($auth) {
    $user = $auth->registerUser(new UserInput(['email' => EMAIL, 'password' => PASSWORD]));
    same($user->getEmail(), EMAIL);
});
step('sign in', function () use ($auth, $configuration, &$refresh) {
    $tokens = $auth->createToken('password', username: EMAIL, password: PASSWORD);
    $configuration->setAccessToken($tokens->getAccessToken());
    $refresh = $tokens->getRefreshToken();
});
step('create', function () use ($items, &$item) {
    $paint = ['name' => 'Paint', 'description' => 'Two coats.', 'status' => 'doing', 'quantity' => 3];
    $item = $items->createItem(new ItemInput([...$paint, 'tags' => ['kitchen', 'wall']]), 'paint');
    same([$item->getName(), $item->getDescription(), $item->getStatus(), $item->getQuantity(), $item->getTags()],
        ['Paint', 'Two coats.', 'doing', 3, ['kitchen', 'wall']]);
    $items->createItem(new ItemInput(['name' => 'Brush']));
});
step('list', function () use ($items, $day, &$item) {
    // As text: the client can't write a DateTime into a query.
    $created = DateTimeImmutable::createFromMutable($item->getCreatedAt());
    [$from, $to] = [$created->sub($day)->format(DATE_ATOM), $created->add($day)->format(DATE_ATOM)];
    $page = $items->listItems(
        limit: 10, include_total: true, sort: '-name', status: ['todo', 'doing'], tag: ['kitchen', 'wall'],
        q: 'pai*', created_after: $from, created_before: $to, updated_after: $from,
    );
    same([count($page->getItems()), $page->getItems()[0], $page->getTotal()], [1, $item, 1]);
    same($items->listItems(created_before: $from)->getItems(), []);
});
step('304', function () use ($items, &$item, &$etag) {
    $etag = etag($items->getItemWithHttpInfo($item->getId()));
    refused(304, fn() => $items->getItem($item->getId(), null, $etag));
});
step('PUT', function () use ($items, &$item, &$etag) {
    $body = new ItemInput(['name' => 'Paint', 'quantity' => 5]);
    $response = $items->replaceItemWithHttpInfo($item->getId(), $body, $etag);
    $put = $response[0];
    same([$put->getQuantity(), $put->getStatus(), $put->getVersion()], [5, 'todo', 2]);
    $etag = etag($response);
});
step('PATCH', function () use ($items, &$item, &$etag) {
    $body = new ItemPatch(['status' => 'done', 'description' => null]);
    $response = $items->updateItemWithHttpInfo($item->getId(), $body, $etag);
    $patched = $response[0];
    same([$patched->getQuantity(), $patched->getStatus(), $patched->getVersion()], [5, 'done', 3]);
    $etag = etag($response);
});
step('400', function () use ($items) {
    $problem = refused(400, fn() => $items->listItems(cursor: 'none'));
    same($problem->getErrors()[0]->getParameter(), 'cursor');
});
step('404', function () use ($items) {
    same(refused(404, fn() => $items->getItem(UNKNOWN))->getStatus(), 404);
});
step('412', function () use ($items, &$item) {
    $body = new ItemPatch(['quantity' => 1]);
    same(refused(412, fn() => $items->updateItem($item->getId(), $body, '"1"'))->getStatus(), 412);
});
step('delete', function () use ($items, &$item, &$etag) {
    same($items->deleteItemWithHttpInfo($item->getId(), $etag)[1], 204);
});
step('refresh', function () use ($auth, $users, $configuration, &$refresh) {
    $tokens = $auth->createToken('refresh_token', refresh_token: $refresh);
    $configuration->setAccessToken($tokens->getAccessToken());
    same($users->getCurrentUser()->getEmail(), EMAIL);
});
