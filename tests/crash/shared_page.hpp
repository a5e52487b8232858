// Memory shared with forked children, for the harness's own tests: a zeroed T that lives until the owner goes.
#pragma once

#include <sys/mman.h>

#include <new>

namespace procyon::crash {

template <class T>
class SharedPage {
 public:
  SharedPage() {
    void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    object_ = new (memory) T{};
  }
  ~SharedPage() { ::munmap(object_, sizeof(T)); }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;

  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }

  /// As new.
  void reset() { new (object_) T{}; }

 private:
  T* object_;
};

}  // namespace procyon::crash
