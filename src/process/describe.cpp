#include "process/describe.hpp"

#include "procyon/exit_status.hpp"

namespace procyon::process {

namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char character : text) {
    if (character == '\'' || character == '\\') result += '\\';
    result += character;
  }
  return result + "'";
}

}  // namespace

std::string ProcessDescription::as_text() const {
  std::string text = "<" + class_name + " name=" + quoted(name);
  if (pid) text += " pid=" + std::to_string(*pid);
  if (is_program)
    text += " parent=None";
  else if (parent != 0)
    text += " parent=" + std::to_string(parent);
  text += " " + status;
  if (exit_code)
    text += " exitcode=" + (*exit_code < 0 ? "-" + signal_name(-*exit_code) : std::to_string(*exit_code));
  return text + (daemon ? " daemon>" : ">");
}

std::string without_scope(std::string_view type_name) {
  const std::string_view before_arguments = type_name.substr(0, type_name.find('<'));
  const auto scope = before_arguments.rfind("::");
  return std::string(scope == std::string_view::npos ? type_name : type_name.substr(scope + 2));
}

}  // namespace procyon::process
