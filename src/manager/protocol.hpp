// What clients and the server of a manager say to each other, after the handshake that proves they have the same key.
//
// FRAMES.  As channel/connection_frame.hpp says: int32 length in big-endian order (or -1 and a uint64), then the body. All
// numbers within a body are in the byte order of the machine: a client of another order, word size or version is told so
// and dropped (Hello).
//
// GREETING.  The client sends a Hello, the server answers with its own. If both are of one session (they share memory) each
// can prove it to the other: `proof` is a MAC, by a secret that lies in the session's memory, of both nonces and of who
// speaks. The server's proof is in its Hello; the client's follows as a request (`prove`), if the server's was right.
// Nobody is taken for a member of the session by its own word.
//
// REQUESTS.  u64 call number, u8 kind, then by kind:
//
//   call       u32 thread, u64 object, u64 method, objects, arguments        -> what the method returns
//   create     u32 thread, text type, objects, arguments                     -> one object
//   find       text name                                                     -> one object
//   share      text name, u64 object                                         -> nothing
//   describe   u64 object                         -> text type, u8 is there a handle, u64 handle, text
//   methods    u64 object                                                    -> u64 count, that many texts
//   lease      u64 object                                                    -> u64 lease
//   claim      u64 object, u64 lease                                         -> one object
//   attach     u64 object          (after a fork: a reference of its own)    -> one object
//   release    u64 count, that many u64 objects   each gives one reference back; no answer
//   cancel     u64 call number                    no answer of its own: the call's comes at once
//   batch      u32 thread, u64 count, that many {u64 object, u64 method, objects, u64 size, arguments}
//                                       -> u64 count, that many {u8 status, objects, u64 size, bytes}
//   ping, shutdown                                                           -> nothing
//   number_of_objects                                                        -> u64
//   debug_info                                                               -> text
//   prove      32 bytes of proof                  no answer
//
// where `objects` is a u64 count and that many u64 object numbers, and `text` is a u64 length and its bytes. The call number
// is the client's: greater than any that it used before, and a batch uses up as many as it has calls, for cancel. Requests
// without an answer have the number 0.
//
// ANSWERS.  u64 call number, u8 status (0: ok, 1: an error), objects, then the value's bytes or the encoded exception. Each
// object that an answer names is one reference, counted for this client until it gives it back or is gone. Answers come in
// any order.
//
// FAULTS.  Every length is checked against the bytes there are, and the length of a frame against the server's limit,
// before memory is taken. Whoever sends what is none of this is dropped, and the reason logged; the server goes on. When a
// connection ends, in whatever way, the client's references, leases, kept calls and locks are given back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "procyon/detail/manager/link.hpp"
#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::manager {

inline constexpr std::uint64_t protocol_magic = 0x72676d6e'6f796370ULL;  // "pcyonmgr"
inline constexpr std::uint32_t protocol_version = 1;

using Nonce = std::array<std::byte, 32>;
using Proof = std::array<std::byte, 32>;

struct Hello {
  std::uint64_t magic = protocol_magic;
  std::uint32_t version = protocol_version;
  std::uint32_t byte_order = 0x01020304;
  std::uint32_t word_size = sizeof(void*);
  std::int32_t pid = 0;
  std::uint64_t instance = 0;     // a random number of this server or client
  std::uint64_t max_message = 0;  // the server's: a longer request ends the connection
  Nonce nonce{};
  Proof proof{};  // zeros: not of a session, or not proved yet
};

enum class RequestKind : std::uint8_t {
  call = 1,
  create,
  find,
  share,
  describe,
  methods,
  lease,
  claim,
  attach,
  release,
  cancel,
  batch,
  ping,
  shutdown,
  number_of_objects,
  debug_info,
  prove,
};

enum class Status : std::uint8_t { ok = 0, error = 1 };

/// What a peer said is none of the protocol: the connection is of no use any more.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws ProtocolError, a sentence about the other side, unless it speaks as we do.
Hello read_hello(std::span<const std::byte> frame);

void write_text(wire::Writer& writer, std::string_view text);
std::string read_text(wire::Reader& reader);
void write_objects(wire::Writer& writer, std::span<const ObjectId> objects);
std::vector<ObjectId> read_objects(wire::Reader& reader);

/// All that is left.
std::span<const std::byte> rest_of(wire::Reader& reader);

/// The head of an answer; what follows it are the value's bytes.
void write_answer_head(wire::Writer& writer, std::uint64_t call, Status status,
                       std::span<const ObjectId> objects);

struct AnswerHead {
  std::uint64_t call = 0;
  Status status = Status::ok;
  std::vector<ObjectId> objects;
};
AnswerHead read_answer_head(wire::Reader& reader);

}  // namespace procyon::manager
