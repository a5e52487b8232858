// expect: procyon: a raw pointer cannot cross to another process
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

#include <map>
#include <vector>

struct Node {
  int value;
  std::map<int, std::vector<Node*>> neighbours;
};
int value_of(const Node& node) { return node.value; }
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, value_of, Node{}); }
