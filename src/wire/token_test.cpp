#include "procyon/detail/wire/token.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "procyon/detail/wire/call.hpp"
#include "wire/modules.hpp"
#include "wire/token_test_module.hpp"

namespace procyon::wire {
namespace {

int square(int number) { return number * number; }

using Square = detail::Call<true, int (*)(int), int>;

// Runs the call in `writer` and gives its outcome.
Outcome<int> run(const Writer& writer) {
  Writer result;
  Reader call(writer.bytes());
  run_call(call, result);
  Reader reader(result.bytes());
  return decode_outcome<int>(reader);
}

// A library that was loaded from a copy of its file.
class LoadedCopy {
 public:
  explicit LoadedCopy(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / unique(name)) {
    std::filesystem::copy_file(PROCYON_TEST_MODULE, path_);
    handle_ = ::dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) ADD_FAILURE() << ::dlerror();
  }
  LoadedCopy(const LoadedCopy&) = delete;
  LoadedCopy& operator=(const LoadedCopy&) = delete;
  ~LoadedCopy() {
    unload();
    std::filesystem::remove(path_);
  }

  void unload() {
    if (handle_ != nullptr) ::dlclose(handle_);
    handle_ = nullptr;
  }
  void encode(Writer& writer) const {
    reinterpret_cast<void (*)(Writer*)>(::dlsym(handle_, "procyon_module_encode"))(&writer);
  }
  const std::string path() const { return path_.string(); }

 private:
  static std::string unique(const std::string& name) {
    return "procyon-test-" + std::to_string(::getpid()) + "-" + name + ".so";
  }

  std::filesystem::path path_;
  void* handle_ = nullptr;
};

TEST(Token, NamesAFunctionByModuleAndOffset) {
  const Token token = token_of(reinterpret_cast<const void*>(&square));
  EXPECT_NE(token.module, 0U);
  EXPECT_EQ(resolve(token), reinterpret_cast<const void*>(&square));
  EXPECT_EQ(module_name(token), "");
  const Token other = token_of(reinterpret_cast<const void*>(&::getpid));
  EXPECT_NE(other.module, token.module);
  EXPECT_EQ(resolve(other), reinterpret_cast<const void*>(&::getpid));
  EXPECT_NE(module_name(other).find("libc"), std::string::npos) << module_name(other);
}

TEST(Token, OfTheHeapOrTheStackDoesNotExist) {
  const int local = 0;
  const auto heap = std::make_unique<int>();
  EXPECT_THROW(token_of(&local), TokenError);
  EXPECT_THROW(token_of(heap.get()), TokenError);
}

TEST(Token, OfAModuleThatIsNotLoadedIsRefusedWithItsName) {
  try {
    resolve(Token{0x1234, 0x1000}, "/opt/plugins/libfilter.so");
    FAIL() << "found a module that is not there";
  } catch (const TokenError& error) {
    EXPECT_NE(std::string(error.what()).find("/opt/plugins/libfilter.so"), std::string::npos) << error.what();
  }
}

TEST(Token, BeyondTheEndOfItsModuleIsRefused) {
  Token token = token_of(reinterpret_cast<const void*>(&square));
  token.offset += std::uint64_t{1} << 40;
  EXPECT_THROW(resolve(token), TokenError);
}

TEST(Token, FindsFunctionsOfALinkedLibrary) {
  Writer writer;
  procyon_module_encode(&writer);
  EXPECT_EQ(*run(writer), 21);
  const Token token = token_of(procyon_module_function());
  EXPECT_NE(module_name(token).find("procyon_wire_test_linked"), std::string::npos) << module_name(token);
}

TEST(Token, FindsFunctionsOfALoadedLibraryAndForgetsThemWhenItIsUnloaded) {
  LoadedCopy library("loaded");
  Writer writer;
  library.encode(writer);
  EXPECT_EQ(*run(writer), 22);
  library.unload();
  const Outcome<int> outcome = run(writer);
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().is<TokenError>());
  EXPECT_NE(outcome.error().what().find(library.path()), std::string::npos) << outcome.error().what();
}

TEST(Token, FindsALibraryThatWasLoadedAgainElsewhere) {
  Writer writer;
  LoadedCopy("first").encode(writer);
  LoadedCopy again("second");
  EXPECT_EQ(*run(writer), 22);
}

TEST(Token, OfALibraryThatIsLoadedTwiceIsRefusedOnBothSides) {
  LoadedCopy one("one");
  Writer writer;
  one.encode(writer);
  LoadedCopy two("two");
  const Outcome<int> outcome = run(writer);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().what().find("two copies"), std::string::npos) << outcome.error().what();
  Writer other;
  EXPECT_THROW(two.encode(other), TokenError);
}

TEST(Descriptor, IsFoundByItsToken) {
  Writer writer;
  write_descriptor(writer, Square::token(), Square::descriptor);
  Reader reader(writer.bytes());
  EXPECT_EQ(&read_descriptor(reader), &Square::descriptor);
}

TEST(Descriptor, LiesInMemoryThatNobodyCanWriteTo) {
  const Module* module = current_modules().find_id(Square::token().module);
  ASSERT_NE(module, nullptr);
  EXPECT_TRUE(
      module->is_constant(reinterpret_cast<std::uintptr_t>(&Square::descriptor), sizeof(FunctionDescriptor)));
}

// A descriptor that looks right, but could have been written by anybody.
FunctionDescriptor writable_descriptor = Square::descriptor;

TEST(Descriptor, InWritableMemoryIsRefused) {
  Writer writer;
  write_descriptor(writer, token_of(&writable_descriptor), writable_descriptor);
  Reader reader(writer.bytes());
  EXPECT_THROW(read_descriptor(reader), TokenError);
}

TEST(Descriptor, ThatIsNoneIsRefused) {
  for (const std::size_t displacement : {1U, 4U, 8U, 16U}) {
    Token token = Square::token();
    token.offset += displacement;
    Writer writer;
    write_descriptor(writer, token, Square::descriptor);
    Reader reader(writer.bytes());
    EXPECT_THROW(read_descriptor(reader), TokenError) << displacement;
  }
  Writer writer;
  write_descriptor(writer, token_of(reinterpret_cast<const void*>(&square)), Square::descriptor);
  Reader reader(writer.bytes());
  EXPECT_THROW(read_descriptor(reader), TokenError);
}

TEST(Descriptor, WithTheMarkOfOtherTypesIsRefused) {
  Writer writer;
  write_token(writer, Square::token());
  writer.put(Square::descriptor.signature + 1);
  Reader reader(writer.bytes());
  try {
    read_descriptor(reader);
    FAIL() << "accepted another signature";
  } catch (const TokenError& error) {
    EXPECT_NE(std::string(error.what()).find("other types"), std::string::npos) << error.what();
  }
}

TEST(Descriptor, DiffersForEachCallableAndEachListOfArguments) {
  const auto descriptor = []<class F>(F, auto... arguments) {
    return &detail::Call<true, F, decltype(arguments)...>::descriptor;
  };
  const auto one = [](int number) { return number; };
  const auto two = [](int number) { return number + 1; };
  EXPECT_NE(descriptor(one, 1), descriptor(two, 1));
  EXPECT_NE(descriptor(one, 1)->signature, descriptor(one, 1L)->signature);
  EXPECT_NE(descriptor(one, 1)->signature, descriptor(&square, 1)->signature);
}

TEST(Modules, AllHaveDifferentNames) {
  const ModuleTable& table = current_modules();
  EXPECT_GE(table.modules.size(), 3U);
  for (const Module& module : table.modules) {
    EXPECT_NE(module.id, 0U);
    EXPECT_FALSE(module.loaded_twice) << module.name;
  }
  EXPECT_EQ(&table, &current_modules());
}

}  // namespace
}  // namespace procyon::wire
