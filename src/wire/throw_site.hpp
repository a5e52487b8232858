// Where an exception was thrown.
//
// __cxa_throw is interposed: it notes the address that it will not return to, and goes on to the real one. That costs a
// few nanoseconds for each throw, and works wherever the dynamic linker finds ours first: in programs linked with the
// static library, and with the shared one if it stands before libstdc++. Elsewhere (fully static programs, sanitizers,
// which interpose the function themselves) the answer is an empty text.
#pragma once

#include <exception>
#include <string>

namespace procyon::wire {

// The place of the latest throw of this thread: "parse(std::string const&)+0x52 in /usr/bin/indexer"; or empty.
std::string last_throw_site();

// The place where the object that `exception` holds was thrown, if that was one of this thread's last throws; or empty.
std::string throw_site_of(const std::exception_ptr& exception);

// Called by the interposed function (throw_interposer.cpp): `object` is being thrown just before `address`.
void note_throw(const void* object, const void* address) noexcept;

}  // namespace procyon::wire
