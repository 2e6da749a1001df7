#include "tests/promises/described_api.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <stdexcept>

#include "tests/unit/json_schema.hpp"

namespace cordon::test {
namespace {

using Schema = nlohmann::json;

// With what "$ref" names in its place. Bodies that contain themselves are not described.
Schema resolved(const Schema& value, const Schema& root) {
  if (value.is_object() && value.contains("$ref"))
    return resolved(root.at(Schema::json_pointer(value["$ref"].get<std::string>().substr(1))), root);
  if (!value.is_structured()) return value;
  Schema out = value;
  for (auto& inner : out) inner = resolved(inner, root);
  return out;
}

// `each` gets the pointer and the schema of every member.
template <typename Each>
void walk(const Schema& schema, const std::string& pointer, Each each) {
  if (!schema.is_object()) return;
  for (const auto& one : schema.value("anyOf", Schema::array())) walk(one, pointer, each);
  if (schema.contains("items")) walk(schema.at("items"), pointer + "/*", each);
  const auto members = schema.value("properties", Schema::object());
  for (const auto& [name, member] : members.items()) {
    each(pointer + "/" + name, member);
    walk(member, pointer + "/" + name, each);
  }
}

void use(const Json& value, const std::string& pointer, const std::set<std::string>& known,
         std::set<std::string>& used) {
  if (known.contains(pointer)) used.insert(pointer);
  if (value.is_array())
    for (const auto& item : value) use(item, pointer + "/*", known, used);
  if (value.is_object())
    for (const auto& [name, member] : value.items()) use(member, pointer + "/" + name, known, used);
}

Operation operation_of(const std::string& path, const std::string& method, const Schema& described,
                       const Schema& root) {
  Operation operation{method, path, {}, nullptr};
  const auto parameters = described.value("parameters", Schema::array());
  for (const auto& one : parameters)
    if (one.at("in") != "path")
      operation.parameters.push_back(
          {one.at("name"), one.at("in"), one.value("required", false), resolved(one.at("schema"), root)});
  if (described.contains("requestBody"))
    operation.body = resolved(described.at("requestBody").at("content").at("application/json").at("schema"), root);
  return operation;
}

}  // namespace

std::string in_upper_case(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string Operation::name() const {
  return in_upper_case(method) + " " + path;
}

Description::Description() : document_(Schema::parse(std::ifstream(CORDON_SOURCE_DIR "/docs/openapi.json"))) {}

std::string Description::violation_of(const std::string& method, const std::string& path, const Answer& answer) {
  made_.insert(method + " " + path);
  const auto& responses = document_.at("paths").at(path).at(method).at("responses");
  const auto status = std::to_string(answer.status);
  if (!responses.contains(status) && answer.status < 400) return status + " is not described";
  const auto& content = responses.at(responses.contains(status) ? status : "default").at("content");
  const auto said = answer.headers.at("content-type");
  const auto type = said.substr(0, said.find(';'));
  if (!content.contains(type)) return type + " is not described";
  if (answer.status < 400) ++good_;
  if (!type.starts_with("application/") || !type.ends_with("json")) return "";
  return violation(Schema::parse(answer.body), content.at(type).at("schema"), document_);
}

std::set<std::string> Description::left() const {
  std::set<std::string> all;
  for (const auto& [path, item] : document_.at("paths").items())
    for (const auto& [method, described] : item.items())
      if (!made_.contains(method + " " + path)) all.insert(method + " " + path);
  return all;
}

std::vector<Operation> Description::operations() const {
  std::vector<Operation> all;
  for (const auto& [path, item] : document_.at("paths").items())
    for (const auto& [method, described] : item.items())
      all.push_back(operation_of(path, method, described, document_));
  return all;
}

std::set<std::string> members_in(const Schema& schema) {
  std::set<std::string> members;
  walk(schema, "", [&](const std::string& pointer, const Schema&) { members.insert(pointer); });
  return members;
}

std::set<std::string> members_used(const Json& body, const Schema& schema) {
  std::set<std::string> used;
  use(body, "", members_in(schema), used);
  return used;
}

Schema schema_at(const Schema& schema, const std::string& pointer) {
  Schema found;
  walk(schema, "", [&](const std::string& at, const Schema& member) {
    if (at == pointer) found = member;
  });
  return found;
}

Answer head_of_stream(const std::string& socket, const std::string& target, std::chrono::milliseconds patience) {
  const auto fd = connect_to(socket);
  send_all(fd.get(), "GET " + target + " HTTP/1.1\r\nHost: cordon\r\n\r\n");
  const auto text = receive_all(fd.get(), patience);
  Answer answer;
  const std::string name = "Content-Type: ";
  const auto at = text.find(name);
  if (at == text.npos) throw std::runtime_error("no head of an answer: " + text.substr(0, 200));
  answer.status = std::stol(text.substr(text.find(' ') + 1));
  answer.headers["content-type"] = text.substr(at + name.size(), text.find("\r\n", at) - at - name.size());
  answer.body = text.substr(std::min(text.size(), text.find("\r\n\r\n")));
  return answer;
}

}  // namespace cordon::test
