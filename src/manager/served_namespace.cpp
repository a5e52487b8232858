#include "manager/served_namespace.hpp"

#include <stdexcept>

namespace procyon::manager {

const Method<ServedNamespace> ServedNamespace::methods_[] = {
    {"get(str,str)->version,value", &ServedNamespace::get},
    {"set(str,str,value)", &ServedNamespace::set},
    {"set_if_unchanged(str,version,str,value)->bool", &ServedNamespace::set_if_unchanged},
    {"contains(str)->bool", &ServedNamespace::contains},
    {"erase(str)->bool", &ServedNamespace::erase},
    {"names()->vector<str>", &ServedNamespace::names},
};

ServedPointer ServedNamespace::make(Loop& /*loop*/, IncomingCall& arguments) {
  arguments.read<std::string>();
  return std::make_shared<ServedNamespace>();
}

void ServedNamespace::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedNamespace::methods() const { return names_of(methods_); }

std::string ServedNamespace::text() const {
  std::string text = "Namespace(";
  const char* separator = "";
  for (const auto& [name, attribute] : attributes_) {
    text += separator + name + ": " + attribute.type;
    separator = ", ";
  }
  return text + ")";
}

void ServedNamespace::get(IncomingCall& call) {
  const auto [name, type] = call.read<std::string, std::string>();
  const auto found = attributes_.find(name);
  if (found == attributes_.end())
    throw std::out_of_range("procyon: the " + text() + " has no \"" + name + "\"");
  if (found->second.type != type)
    throw std::invalid_argument("procyon: \"" + name + "\" of this Namespace is a " + found->second.type +
                                ", not a " + type + ": get() it as what it was set as");
  AnswerWriter answer;
  answer.put(found->second.version);
  answer.put_value(*found->second.value);
  answer.reply_to(call);
}

void ServedNamespace::set(IncomingCall& call) {
  ArgumentReader arguments(call);
  const auto name = arguments.get<std::string>();
  auto type = arguments.get<std::string>();
  StoredPointer value = arguments.value();
  arguments.end();
  attributes_[name] = {std::move(type), std::move(value), ++last_version_};
  call.reply();
}

void ServedNamespace::set_if_unchanged(IncomingCall& call) {
  ArgumentReader arguments(call);
  const auto name = arguments.get<std::string>();
  const auto version = arguments.get<std::uint64_t>();
  auto type = arguments.get<std::string>();
  StoredPointer value = arguments.value();
  arguments.end();
  const auto found = attributes_.find(name);
  const bool unchanged = found != attributes_.end() && found->second.version == version;
  if (unchanged) found->second = {std::move(type), std::move(value), ++last_version_};
  call.reply(unchanged);
}

void ServedNamespace::contains(IncomingCall& call) {
  const auto [name] = call.read<std::string>();
  call.reply(attributes_.contains(name));
}

void ServedNamespace::erase(IncomingCall& call) {
  const auto [name] = call.read<std::string>();
  call.reply(attributes_.erase(name) != 0);
}

void ServedNamespace::names(IncomingCall& call) {
  call.read<>();
  std::vector<std::string> names;
  for (const auto& [name, attribute] : attributes_) names.push_back(name);
  call.reply(names);
}

}  // namespace procyon::manager
