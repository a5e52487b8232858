#include "manager/methods.hpp"

namespace procyon::manager {

std::string sentence_about_methods(const ServedObject& object) {
  std::string sentence = "procyon: this object of a manager, " + object.text() +
                         ", has no method of the name and types that were called; it has:";
  const char* separator = " ";
  for (const std::string& name : object.methods()) {
    sentence += separator + name;
    separator = ", ";
  }
  return sentence;
}

}  // namespace procyon::manager
