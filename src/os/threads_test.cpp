#include "os/threads.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <latch>
#include <optional>
#include <string>
#include <thread>

namespace procyon::os {
namespace {

TEST(Threads, AreCounted) {
  std::thread([] {}).join();  // the thread sanitizer starts one of its own with the first
  const int before = thread_count();
  ASSERT_GE(before, 1);
  std::latch started(1);
  std::latch finish(1);
  std::thread other([&] {
    started.count_down();
    finish.wait();
  });
  started.wait();
  EXPECT_EQ(thread_count(), before + 1);
  finish.count_down();
  other.join();
}

TEST(Processors, FollowTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(usable_processors(), 1);
  EXPECT_LE(usable_processors(), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
    if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(usable_processors(), 1);
  ::sched_setaffinity(0, sizeof(before), &before);
}

// A file system of a test's own, as far as control groups are concerned.
class ControlGroups : public ::testing::Test {
 protected:
  ControlGroups() {
    char directory[] = "/tmp/procyon-test-XXXXXX";
    if (::mkdtemp(directory) == nullptr) ::abort();
    root_ = directory;
  }
  ~ControlGroups() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  [[nodiscard]] std::optional<double> quota() const { return quota_of_control_groups(root_); }

 private:
  std::string root_;
};

TEST_F(ControlGroups, NoneIsNoQuota) {
  EXPECT_EQ(quota(), std::nullopt);
  write("/proc/self/cgroup", "0::/user.slice\n");
  EXPECT_EQ(quota(), std::nullopt);
  write("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(ControlGroups, Version2AllowsAsMuchAsTheSmallestUpToTheRoot) {
  write("/proc/self/cgroup", "0::/a/b\n");
  write("/sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota(), 2.5);
  write("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota(), 1.5);
  write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota(), 0.5);
}

TEST_F(ControlGroups, Version1AllowsItsQuotaPerPeriod) {
  write("/proc/self/cgroup", "12:memory:/a\n4:cpu,cpuacct:/a\n1:name=systemd:/a\n");
  write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n");
  write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 3.0);
  write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(ControlGroups, AContainerWhoseGroupIsToldAsTheHostSeesItHasTheQuotaOfItsMount) {
  write("/proc/self/cgroup", "4:cpu,cpuacct:/docker/1f2e\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 2.0);
}

TEST_F(ControlGroups, NonsenseIsNoQuota) {
  write("/proc/self/cgroup", "0::no-slash\nnonsense\n:\n0::/\n");
  write("/sys/fs/cgroup/cpu.max", "many few\n");
  EXPECT_EQ(quota(), std::nullopt);
  write("/sys/fs/cgroup/cpu.max", "100000 0\n");
  EXPECT_EQ(quota(), std::nullopt);
}

}  // namespace
}  // namespace procyon::os
