#include "os/leftover.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace procyon::os {
namespace {

namespace fs = std::filesystem;

class LeftoverFile : public testing::Test {
 protected:
  LeftoverFile() : path_(fs::temp_directory_path() / ("procyon-leftover-" + std::to_string(::getpid()))) {
    ::close(::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600));
  }
  ~LeftoverFile() override { fs::remove(path_); }
  fs::path path_;
};

TEST_F(LeftoverFile, HasTheIdentityThatStatSees) {
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  const FileIdentity file = identity_at(path_.c_str());
  EXPECT_EQ(file.device, status.st_dev);
  EXPECT_EQ(file.inode, status.st_ino);
}

TEST_F(LeftoverFile, IsToldFromAnotherAndFromNone) {
  const FileIdentity file = identity_at(path_.c_str());
  EXPECT_TRUE(leads_to(path_.c_str(), file));
  EXPECT_TRUE(leads_to(path_.c_str(), {}));
  EXPECT_FALSE(leads_to(path_.c_str(), {file.device, file.inode + 1, file.born}));
  EXPECT_FALSE(leads_to(path_.c_str(), {file.device + 1, file.inode, file.born}));
  ::chmod(path_.c_str(), 0644);  // changes nothing
  EXPECT_TRUE(leads_to(path_.c_str(), file));
  fs::remove(path_);
  EXPECT_FALSE(leads_to(path_.c_str(), file));
  EXPECT_FALSE(leads_to(path_.c_str(), {}));
}

TEST_F(LeftoverFile, ThatGotTheNumberOfAnotherIsToldByItsTime) {
  const FileIdentity file = identity_at(path_.c_str());
  if (file.born == 0) GTEST_SKIP() << "this file system does not say when a file was made";
  EXPECT_FALSE(leads_to(path_.c_str(), {file.device, file.inode, file.born + 1}));
  EXPECT_TRUE(leads_to(path_.c_str(), {file.device, file.inode, 0}));
}

TEST_F(LeftoverFile, MayBeASymbolicLinkItself) {
  const fs::path link = path_.string() + "-link";
  fs::create_symlink(path_, link);
  EXPECT_NE(identity_at(link.c_str()).inode, identity_at(path_.c_str()).inode);
  fs::remove(link);
}

}  // namespace
}  // namespace procyon::os
