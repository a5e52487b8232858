#include "channel/net/tls_line.hpp"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace procyon::channel::net {

namespace {

using namespace std::chrono_literals;

// Then it is another line's turn.
constexpr int most_rounds = 32;

// For what is still to be sent when nobody here has the connection any more.
constexpr auto longest_linger = 30s;

}  // namespace

bool TlsLine::pump() {
  for (int round = 0; round < most_rounds; ++round) {
    const bool moved_out = pump_out();
    const bool moved_in = pump_in();
    if (over() || (!moved_out && !moved_in)) return false;
  }
  return true;
}

// From the local socket to the stream. True if something has moved.
bool TlsLine::pump_out() {
  if (broken_) return false;
  bool moved = false;
  if (outgoing_.empty() && !local_ended_) moved = read_local();
  if (!outgoing_.empty()) {
    const StreamResult result = stream_->write(outgoing_.content());
    note(result, true);
    outgoing_.taken(result.bytes);
    moved |= result.bytes != 0;
  } else if (local_ended_ && !stream_told_) {
    moved |= say_goodbye();
  }
  return moved;
}

bool TlsLine::read_local() {
  const std::span<std::byte> room = outgoing_.room();
  const ssize_t count = ::recv(local_.get(), room.data(), room.size(), MSG_DONTWAIT);
  local_readable_ = count > 0;
  if (count > 0) outgoing_.filled(static_cast<std::size_t>(count));
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) local_ended_ = true;
  return count >= 0;
}

bool TlsLine::say_goodbye() {
  const StreamResult result = stream_->close();
  note(result, true);
  if (result.status != StreamStatus::moved) return false;
  stream_told_ = true;
  ::shutdown(stream_->descriptor(), SHUT_WR);
  return true;
}

// From the stream to the local socket.
bool TlsLine::pump_in() {
  if (broken_) return false;
  bool moved = false;
  if (incoming_.empty() && !stream_ended_) {
    const StreamResult result = stream_->read(incoming_.room());
    note(result, false);
    incoming_.filled(result.bytes);
    moved = result.bytes != 0 || stream_ended_;
  }
  if (local_hung_up_)
    incoming_.clear();  // read all the same: an unread rest would make the kernel reset the connection
  if (!incoming_.empty()) moved |= write_local();
  if (stream_ended_ && incoming_.empty() && !local_told_) {
    ::shutdown(local_.get(), SHUT_WR);
    local_told_ = true;
  }
  return moved;
}

bool TlsLine::write_local() {
  const std::span<const std::byte> content = incoming_.content();
  const ssize_t count = ::send(local_.get(), content.data(), content.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count > 0) incoming_.taken(static_cast<std::size_t>(count));
  if (count < 0 && errno != EAGAIN && errno != EINTR) local_hung_up();
  return count > 0;
}

void TlsLine::local_hung_up() {
  if (local_hung_up_) return;
  local_hung_up_ = true;
  linger_ = os::Deadline::after(longest_linger);
}

void TlsLine::note(StreamResult result, bool writing) {
  if (writing) {
    write_wants_write_ = result.status == StreamStatus::wants_write;
    write_wants_read_ = result.status == StreamStatus::wants_read;
  } else {
    read_wants_write_ = result.status == StreamStatus::wants_write;
  }
  switch (result.status) {
    case StreamStatus::ended:
      if (!stream_ended_ && stream_->was_cut()) {
        tell_broken(
            "procyon: a TLS connection ended without a goodbye: the other side was killed, or somebody cut "
            "it; "
            "what it sent last may be missing");
      }
      stream_ended_ = true;
      if (writing) broken_ = true;  // who cannot be written to need not be told
      return;
    case StreamStatus::failed:
    case StreamStatus::refused:
      broken_ = true;
      if (!stream_ended_) {
        tell_broken(fmt::format("procyon: a TLS connection broke: {} ({})", stream_->problem(),
                                std::system_category().message(stream_->error())));
      }
      return;
    default:
      return;
  }
}

void TlsLine::tell_broken(const std::string& sentence) const {
  if (!local_hung_up_ && stream_->on_broken()) stream_->on_broken()(sentence);
}

void TlsLine::end_stream() {
  if (!broken_ && !stream_told_) say_goodbye();
}

std::uint32_t TlsLine::stream_events() const {
  const bool reads = (incoming_.empty() && !stream_ended_) || write_wants_read_;
  const bool writes = write_wants_write_ || read_wants_write_;
  return (reads ? std::uint32_t{EPOLLIN} : 0) | (writes ? std::uint32_t{EPOLLOUT} : 0);
}

std::uint32_t TlsLine::local_events() const {
  const bool reads = outgoing_.empty() && !local_ended_;
  const bool writes = !incoming_.empty();
  return (reads ? std::uint32_t{EPOLLIN} : 0) | (writes ? std::uint32_t{EPOLLOUT} : 0);
}

bool TlsLine::over() const {
  if (broken_) return true;
  if (local_hung_up_ && (linger_.expired() || (stream_told_ && all_has_arrived()))) return true;
  return stream_told_ && stream_ended_ && incoming_.empty();
}

// As far as the other machine's kernel. Closing earlier, with something of the other side unread, would throw it away.
bool TlsLine::all_has_arrived() const {
  int missing = 0;
  return ::ioctl(stream_->descriptor(), SIOCOUTQ, &missing) != 0 || missing == 0;
}

}  // namespace procyon::channel::net
