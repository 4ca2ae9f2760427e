# openapi-generator's Ruby client, in use: ruby -I FOLDER/lib main.rb SERVER
require "time"
require "uri"
require "openapi_client"

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
DAY = 24 * 60 * 60

# Run the block and print whether it succeeded, as a line for the harness.
def step(name)
  yield
  puts "ok\t#{name}"
rescue StandardError => error
  puts "failed\t#{name}\t#{error.class}: #{error.message.split.join(" ")}"
end

def same(found, expected)
  raise "#{found.inspect} instead of #{expected.inspect}" unless found == expected
end

# The problem with which the call of the block fails.
def refused(status)
  yield
rescue OpenapiClient::ApiError => error
  same(error.code, status)
  JSON.parse(error.response_body.empty? ? "{}" : error.response_body)
else
  raise "the call did not fail"
end

server = URI(ARGV.fetch(0))
configuration = OpenapiClient::Configuration.new do |config|
  config.scheme = server.scheme
  config.host = "#{server.host}:#{server.port}"
  config.base_path = ""
  config.server_index = nil
  config.params_encoding = :multi
end
client = OpenapiClient::ApiClient.new(configuration)
auth = OpenapiClient::AuthApi.new(client)
items = OpenapiClient::ItemsApi.new(client)
users = OpenapiClient::UsersApi.new(client)
item = refresh = etag = nil

step "register" do
  body = OpenapiClient::UserInput.new(email: EMAIL, password: PASSWORD)
  same(auth.register_user(body).email, EMAIL)
end
step "sign in" do
  tokens = auth.create_token("password", username: EMAIL, password: PASSWORD)
  configuration.access_token = tokens.access_token
  refresh = tokens.refresh_token
end
step "create" do
  paint = OpenapiClient::ItemInput.new(
    name: "Paint", description: "Two coats.", status: "doing", quantity: 3, tags: %w[kitchen wall]
  )
  item = items.create_item(paint, idempotency_key: "paint")
  same([item.name, item.description, item.status, item.quantity, item.tags.to_a],
       ["Paint", "Two coats.", "doing", 3, %w[kitchen wall]])
  items.create_item(OpenapiClient::ItemInput.new(name: "Brush"))
end
step "list" do
  # As text: the client writes a Time in a format of its own.
  from, to = (item.created_at - DAY).iso8601, (item.created_at + DAY).iso8601
  page = items.list_items(
    status: %w[todo doing], tag: %w[kitchen wall], q: "pai*", sort: "-name", include_total: true, limit: 10,
    created_after: from, created_before: to, updated_after: from
  )
  same([page.items, page.total], [[item], 1])
  same(items.list_items(created_before: from).items, [])
end
step "304" do
  etag = items.get_item_with_http_info(item.id)[2]["ETag"]
  refused(304) { items.get_item(item.id, if_none_match: etag) }
end
step "PUT" do
  body = OpenapiClient::ItemInput.new(name: "Paint", quantity: 5)
  put, _, headers = items.replace_item_with_http_info(item.id, body, if_match: etag)
  same([put.quantity, put.status, put.version], [5, "todo", 2])
  etag = headers["ETag"]
end
step "PATCH" do
  body = OpenapiClient::ItemPatch.new(status: "done", description: nil)
  patched, _, headers = items.update_item_with_http_info(item.id, body, if_match: etag)
  same([patched.quantity, patched.status, patched.version], [5, "done", 3])
  etag = headers["ETag"]
end
step "400" do
  problem = refused(400) { items.list_items(cursor: "none") }
  same(problem["errors"][0]["parameter"], "cursor")
end
step "404" do
  same(refused(404) { items.get_item(UNKNOWN) }["status"], 404)
end
step "412" do
  body = OpenapiClient::ItemPatch.new(quantity: 1)
  same(refused(412) { items.update_item(item.id, body, if_match: '"1"') }["status"], 412)
end
step "delete" do
  same(items.delete_item_with_http_info(item.id, if_match: etag)[1], 204)
end
step "refresh" do
  tokens = auth.create_token("refresh_token", refresh_token: refresh)
  configuration.access_token = tokens.access_token
  same(users.get_current_user.email, EMAIL)
end
