#include "pool/observer.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <fstream>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::pool {

namespace {

std::int64_t now() { return os::Deadline::monotonic_now(); }

// Resident and its own. Of one that has just ended: nothing.
std::uint64_t memory_of(pid_t pid) {
  if (pid == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (!(file >> size >> resident >> shared) || resident < shared) return 0;
  return (resident - shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool is_stopped(pid_t pid) {
  if (pid == 0) return false;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto end_of_name = text.rfind(')');  // the name may hold anything
  if (end_of_name == std::string::npos || end_of_name + 2 >= text.size()) return false;
  const char state = text[end_of_name + 2];
  return state == 'T' || state == 't';
}

// Names come from the program's own text; whatever else is in them must not end the string.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\') result += '\\';
    result += static_cast<unsigned char>(each) < 0x20 ? ' ' : each;
  }
  return result + '"';
}

std::string microseconds(std::int64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(nanoseconds) / 1000);
  return text;
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void append_row(std::string& text, const std::string& name, const WorkerStats& row) {
  char line[160];
  const double all = seconds(row.busy) + seconds(row.idle);
  std::snprintf(line, sizeof line, "%-8s %8s %10llu %10llu %7llu %9.3f %9.3f %5.1f%% %9.1f %9.2f%s\n",
                name.c_str(), row.pid == 0 ? "" : std::to_string(row.pid).c_str(),
                static_cast<unsigned long long>(row.tasks), static_cast<unsigned long long>(row.chunks),
                static_cast<unsigned long long>(row.deaths), seconds(row.busy), seconds(row.idle),
                all == 0 ? 0.0 : 100 * seconds(row.busy) / all, static_cast<double>(row.memory) / 1048576,
                seconds(row.running_for), row.is_stopped ? " stopped" : "");
  text += line;
}

}  // namespace

void Histogram::add(std::int64_t nanoseconds) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
  std::size_t at = value;
  if (value >= parts) {
    const unsigned power = static_cast<unsigned>(std::bit_width(value)) - 4;  // value >> power is in [8, 16)
    at = std::size_t{power} * parts + (value >> power);
  }
  ++counts_[std::min(at, counts_.size() - 1)];
  ++total_;
}

std::chrono::nanoseconds Histogram::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
  std::uint64_t seen = 0;
  for (std::size_t at = 0; at < counts_.size() && total_ != 0; ++at) {
    seen += counts_[at];
    if (seen < wanted || seen == 0) continue;
    if (at < 2 * parts) return std::chrono::nanoseconds(at);
    const std::size_t power = at / parts - 1;
    return std::chrono::nanoseconds(((at % parts + parts + 1) << power) - 1);
  }
  return std::chrono::nanoseconds(0);
}

Observer::Observer(std::uint32_t workers, bool traces) : traces_(traces), made_(now()), workers_(workers) {}

void Observer::started(std::uint32_t worker, pid_t pid) { workers_[worker].stats.pid = pid; }

void Observer::left(std::uint32_t worker) { workers_[worker].stats.pid = 0; }

void Observer::lost(std::uint32_t worker, const std::string& how) {
  WorkerStats& stats = workers_[worker].stats;
  ++stats.deaths;
  if (traces_) keep({Event::Kind::death, worker, stats.pid, 0, now(), now(), now(), "worker lost: " + how});
  left(worker);
}

void Observer::ended(std::uint32_t worker, std::uint64_t items, const TaskTimes* times, bool is_lost) {
  Worker& at = workers_[worker];
  at.stats.tasks += items;
  ++at.stats.chunks;
  last_is_kept_ = false;
  if (times == nullptr) return;
  const std::int64_t given = times->given.load(std::memory_order_relaxed);
  const std::int64_t began = times->began.load(std::memory_order_relaxed);
  const std::int64_t end = is_lost ? now() : times->ended.load(std::memory_order_relaxed);
  if (began == 0) return;  // it was lost between its claim and its first look at the clock
  at.busy += end - began;
  waited_.add(began - given);
  ran_.add(end - began);
  if (!traces_) return;
  const std::size_t before = events_.size();
  keep({is_lost ? Event::Kind::lost : Event::Kind::done, worker, at.stats.pid, items, given, began, end, ""});
  last_is_kept_ = events_.size() > before;
}

void Observer::name_last(std::string name) {
  if (last_is_kept_) events_.back().name = std::move(name);
}

void Observer::keep(Event event) {
  if (events_.size() < event_limit)
    events_.push_back(std::move(event));
  else
    ++dropped_;
}

PoolStats Observer::stats() const {
  PoolStats stats;
  const std::int64_t age = now() - made_;
  for (const Worker& worker : workers_) {
    WorkerStats row = worker.stats;
    row.busy = std::chrono::nanoseconds(worker.busy);
    row.idle = std::chrono::nanoseconds(std::max<std::int64_t>(0, age - worker.busy));
    row.memory = memory_of(row.pid);
    row.is_stopped = is_stopped(row.pid);
    stats.workers.push_back(row);
    stats.total.tasks += row.tasks;
    stats.total.chunks += row.chunks;
    stats.total.deaths += row.deaths;
    stats.total.busy += row.busy;
    stats.total.idle += row.idle;
    stats.total.memory += row.memory;
    stats.total.is_stopped |= row.is_stopped;
  }
  stats.waited = {waited_.quantile(0.5), waited_.quantile(0.99)};
  stats.ran = {ran_.quantile(0.5), ran_.quantile(0.99)};
  return stats;
}

std::string Observer::trace_json() const {
  const std::string process = std::to_string(::getpid());
  std::string json = "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"dropped\":" + std::to_string(dropped_) +
                     "},\"traceEvents\":[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":" + process +
                     ",\"args\":{\"name\":\"procyon pool\"}}";
  for (std::size_t worker = 0; worker < workers_.size(); ++worker)
    json += ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":" + process +
            ",\"tid\":" + std::to_string(worker + 1) + ",\"args\":{\"name\":\"worker " +
            std::to_string(worker + 1) + "\"}}";
  for (const Event& event : events_) {
    json += ",\n{\"name\":" + quoted(event.name) + ",\"pid\":" + process +
            ",\"tid\":" + std::to_string(event.worker + 1) + ",\"ts\":" + microseconds(event.began - made_);
    if (event.kind == Event::Kind::death)
      json +=
          ",\"cat\":\"death\",\"ph\":\"i\",\"s\":\"t\",\"args\":{\"worker pid\":" + std::to_string(event.pid);
    else
      json += std::string(",\"cat\":") +
              (event.kind == Event::Kind::lost ? "\"lost\",\"cname\":\"terrible\"" : "\"task\"") +
              ",\"ph\":\"X\",\"dur\":" + microseconds(event.ended - event.began) +
              ",\"args\":{\"worker pid\":" + std::to_string(event.pid) +
              ",\"items\":" + std::to_string(event.items) +
              ",\"waited us\":" + microseconds(event.began - event.given);
    json += "}}";
  }
  return json + "\n]}\n";
}

}  // namespace procyon::pool

namespace procyon {

std::string to_string(const PoolStats& stats) {
  std::string text =
      "worker        pid      tasks     chunks  deaths    busy s    idle s   busy       MiB     now s\n";
  for (std::size_t worker = 0; worker < stats.workers.size(); ++worker)
    pool::append_row(text, std::to_string(worker + 1), stats.workers[worker]);
  pool::append_row(text, "total", stats.total);
  char line[160];
  std::snprintf(
      line, sizeof line,
      "a chunk waited %.3f ms (p99: %.3f) and ran %.3f ms (p99: %.3f); %zu chunks are outstanding\n",
      1e3 * pool::seconds(stats.waited.p50), 1e3 * pool::seconds(stats.waited.p99),
      1e3 * pool::seconds(stats.ran.p50), 1e3 * pool::seconds(stats.ran.p99), stats.outstanding);
  return text + line;
}

}  // namespace procyon
