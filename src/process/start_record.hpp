// The start record: what a child must be told that has no fixed size. One block of the session's arena.
//
// FORMAT.  RecordHeader, then
//   RecordPin[pin_count]       shared objects among the arguments: number of the travelling pin, handle of the object
//   identity[identity_count]   the child's path in the tree of processes: {2, 1} is the first child of the second
//   texts                      without terminating zeros: name, name of the parent, class, authentication key,
//                              libraries that the parent has loaded (each with a terminating zero),
//                              settings (surroundings.hpp)
//   call                       the encoded call (wire::encode_call), at a multiple of 16 bytes
//
// WHO WRITES WHAT WHEN.
//   1. The parent allocates the block (it belongs to the parent), writes it, and hands the pins to it.
//   2. The parent sends its handle in a StartRequest.
//   3. The child takes the block over (one compare-and-swap of its owner, from parent to child). Only then does it
//      read.
//   4. The child takes the pins, decodes the call, runs it, and frees the block when the arguments are decoded.
//
// WHAT A DEATH LEAVES.
//   the parent in 1 or 2    its block: recover(parent) frees it, and with it the pins; no child knows of it
//   the parent after 2      before 3: the block is freed as above, the child's compare-and-swap fails and the child
//                           ends: nobody is left who wanted it. After 3: nothing, the block is the child's.
//   the server              the block is the parent's: it sends the request again or frees the block
//   the child before 3      the block is the parent's, who frees it when it has seen the child's end
//   the child after 3       recover(child) frees it and the pins that it had not taken
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "procyon/auth_key.hpp"
#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/process/engine.hpp"

namespace procyon::process {

struct RecordHeader {
  std::uint64_t magic;
  std::uint64_t call_size;
  std::uint32_t pin_count;
  std::uint32_t identity_count;
  std::uint32_t text_sizes[6];
  std::uint32_t start_method;  // what the child starts its own children by
  std::uint32_t logging;       // logging_of_this_process() of the parent
};

struct RecordPin {
  std::uint64_t object;  // arena::Handle
  std::uint32_t number;
  std::uint32_t padding;
};

/// Who a process is, in the words of its user.
struct Identity {
  std::string name;
  std::string parent_name;
  std::vector<std::uint32_t> path;
  StartMethod start_method = StartMethod::forkserver;
  std::string class_name = "Process";
  std::optional<AuthKey> authkey = {};  // always there in a started child
  std::uint32_t logging = 0;
  std::vector<std::string> libraries = {};  // paths of what the parent has loaded since it was started
  std::string settings = {};                // what the child has to change: encode_differences()
};

/// Writes a record into a new block of this process's. Throws SessionError when the arena is exhausted.
arena::Handle write_record(const Identity& identity, const EncodedCall& call);

/// A record in the child, after it has been taken over.
struct Record {
  Identity identity;
  std::vector<RecordPin> pins;
  std::span<const std::byte> call;  // within the block
};

/// Throws std::runtime_error when the block does not hold a record. Overwrites the key in it.
Record read_record(std::span<std::byte> block);

}  // namespace procyon::process
