// Methods of registered classes that return newly served objects.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "pool/test_support.hpp"
#include "procyon/base_manager.hpp"
#include "procyon/event.hpp"
#include "procyon/process.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using testing::error_of;
using testing::eventually;

std::atomic<int> pages_alive{0};

class Page {
 public:
  explicit Page(int number) : number_(number) { ++pages_alive; }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  ~Page() { --pages_alive; }

  [[nodiscard]] int number() const { return number_; }
  int turn() { return ++number_; }
  int wait() {
    entered_.set();
    open_.wait();
    return number_;
  }
  void wait_for_somebody() { entered_.wait(); }
  void open() { open_.set(); }

 private:
  int number_;
  Event entered_;
  Event open_;
};

class Book : public std::enable_shared_from_this<Book> {
 public:
  [[nodiscard]] std::shared_ptr<Page> page(int number) const { return std::make_shared<Page>(number); }
  [[nodiscard]] const std::shared_ptr<Page>& cover() const { return cover_; }
  [[nodiscard]] std::shared_ptr<Page> missing() const { return nullptr; }
  [[nodiscard]] std::shared_ptr<Page> burnt() const { throw std::out_of_range("the page is burnt"); }
  std::shared_ptr<Book> self() { return shared_from_this(); }
  [[nodiscard]] std::shared_ptr<std::string> title() const {
    return std::make_shared<std::string>("Ulysses");
  }
  [[nodiscard]] std::shared_ptr<Page> same(const Proxy<Page>& page) const {
    return page.call(m<&Page::number>) == 1 ? cover_ : nullptr;
  }
  [[nodiscard]] static int alive() { return pages_alive; }

 private:
  std::shared_ptr<Page> cover_ = std::make_shared<Page>(1);
};

constexpr auto book_methods = methods<&Book::page, &Book::cover, &Book::missing, &Book::burnt, &Book::self,
                                      &Book::title, &Book::same>();
constexpr auto alive = method<"alive">([](Book& /*book*/) { return Book::alive(); });
constexpr auto page_methods =
    methods<&Page::number, &Page::turn, &Page::wait, &Page::wait_for_somebody, &Page::open>();

struct Library : BaseManager {
  Library() {
    register_type<Book>("Book", book_methods, alive,
                        method<"last">([](Book& book) { return book.page(99); }));
    register_type<Page>("Page", no_constructor, page_methods);
    start();
  }
};

TEST(ServedResults, AreProxiesForTheCaller) {
  Library library;
  const auto book = library.create<Book>("Book");
  const auto page = book.call(m<&Book::page>, 5);
  static_assert(std::is_same_v<decltype(page), const Proxy<Page>>);
  EXPECT_EQ(page.call(m<&Page::turn>), 6);
  EXPECT_EQ(page.call(m<&Page::number>), 6);
  EXPECT_EQ(book.call_for(60s, m<&Book::page>, 7).call(m<&Page::number>), 7);
}

TEST(ServedResults, AreFoundByNameAlsoWithoutTheClass) {
  Library library;
  const Proxy<> book = library.create("Book");
  EXPECT_EQ(book.call<Proxy<Page>>("page", 5).call(m<&Page::number>), 5);
  EXPECT_EQ(book.call<Proxy<>>("page", 6).call<int>("turn"), 7);
  EXPECT_EQ(book.call<Proxy<Page>>("last").call(m<&Page::number>), 99);
  EXPECT_NE(error_of([&] { return book.call<Proxy<Book>>("page", 5), 0; }).find("a proxy of a Page was sent"),
            std::string::npos);
  EXPECT_NE(error_of([&] { return book.call<int>("page", 5); }).find("page(i32)->proxy"), std::string::npos);
}

TEST(ServedResults, ComeFromCallsThatWereBegunAndFromBatches) {
  Library library;
  const auto book = library.create<Book>("Book");
  auto begun = book.begin(m<&Book::page>, 3);
  auto by_name = book.begin<Proxy<Page>>("page", 4);
  Batch batch;
  for (int i = 0; i < 50; ++i) batch.add(book, m<&Book::page>, i);
  const auto missing = batch.add<Proxy<Page>>(book, "missing");
  batch.run();
  batch.check();
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(batch.outcome<Proxy<Page>>(static_cast<std::size_t>(i))->call(m<&Page::number>), i);
  EXPECT_FALSE(*batch.outcome<Proxy<Page>>(missing));
  EXPECT_EQ(begun.get().call(m<&Page::number>), 3);
  EXPECT_EQ(by_name.get().call(m<&Page::number>), 4);
}

TEST(ServedResults, EndWithTheirLastProxyUnlessTheServerKeepsThem) {
  Library library;
  const auto book = library.create<Book>("Book");
  {
    const auto page = book.call(m<&Book::page>, 2);
    const auto cover = book.call(m<&Book::cover>);
    cover.call(m<&Page::turn>);
    EXPECT_EQ(book.call<int>("alive"), 2);
    EXPECT_EQ(library.number_of_objects(), 3U);
  }
  EXPECT_TRUE(eventually([&] { return book.call<int>("alive") == 1 && library.number_of_objects() == 1; }));
  EXPECT_EQ(book.call(m<&Book::cover>).call(m<&Page::number>), 2);
}

TEST(ServedResults, OutliveWhatReturnedThem) {
  Library library;
  const auto cover = library.create<Book>("Book").call(m<&Book::cover>);
  EXPECT_TRUE(eventually([&] { return library.number_of_objects() == 1; }));
  EXPECT_EQ(cover.call(m<&Page::turn>), 2);
}

TEST(ServedResults, OfTheSamePointerAreTheSameServedObject) {
  Library library;
  const auto book = library.create<Book>("Book");
  const auto cover = book.call(m<&Book::cover>);
  EXPECT_EQ(book.call(m<&Book::cover>), cover);
  EXPECT_EQ(book.call(m<&Book::same>, cover), cover);
  EXPECT_EQ(book.call(m<&Book::self>), book);
  EXPECT_FALSE(book.call(m<&Book::page>, 1) == cover);
}

TEST(ServedResults, AreOneObjectAlsoForThreadsThatAskAtOnce) {
  BaseManager library;
  library.register_type<Book>("Book", book_methods, concurrent);
  library.register_type<Page>("Page", no_constructor, page_methods);
  library.start();
  const auto book = library.create<Book>("Book");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto one = book.begin(m<&Book::cover>);
        const Proxy<Page> other = book.call(m<&Book::cover>);
        EXPECT_EQ(book.call(m<&Book::cover>), other);
        other.call(m<&Page::turn>);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(book.call(m<&Book::cover>).call(m<&Page::number>), 201);
}

TEST(ServedResults, OfNullAreEmptyProxies) {
  Library library;
  const auto book = library.create<Book>("Book");
  const auto missing = book.call(m<&Book::missing>);
  EXPECT_FALSE(missing);
  EXPECT_TRUE(book.call(m<&Book::cover>));
  EXPECT_NE(error_of([&] { return missing.call(m<&Page::number>); }).find("empty"), std::string::npos);
}

TEST(ServedResults, AreNotThereIfTheMethodThrows) {
  Library library;
  const auto book = library.create<Book>("Book");
  EXPECT_THROW(static_cast<void>(book.call(m<&Book::burnt>)), std::out_of_range);
}

TEST(ServedResults, OfWhatIsNoClassOfTheUsersAreValues) {
  Library library;
  EXPECT_EQ(*library.create<Book>("Book").call(m<&Book::title>), "Ulysses");
}

TEST(ServedResults, TakeTurnsAsTheirRegistrationSays) {
  Library library;
  const auto book = library.create<Book>("Book");
  const auto cover = book.call(m<&Book::cover>);
  auto waiting = cover.begin(m<&Page::wait>);
  EXPECT_THROW(static_cast<void>(book.call(m<&Book::cover>).call_for(1ms, m<&Page::open>)), TimeoutError);
  EXPECT_FALSE(waiting.ready());
}

TEST(ServedResults, AreServedAtOnceIfTheirRegistrationSaysSo) {
  BaseManager library;
  library.register_type<Book>("Book", book_methods, quick);
  library.register_type<Page>("Page", no_constructor, page_methods, concurrent);
  library.start();
  const auto cover = library.create<Book>("Book").call(m<&Book::cover>);
  auto waiting = cover.begin(m<&Page::wait>);
  cover.call(m<&Page::wait_for_somebody>);
  cover.call(m<&Page::open>);
  EXPECT_EQ(waiting.get(), 1);
}

void turn(const Proxy<Page>& page) { page.call(m<&Page::turn>); }

TEST(ServedResults, TravelToOtherProcesses) {
  Library library;
  const auto book = library.create<Book>("Book");
  const auto page = book.call(m<&Book::page>, 1);
  Process process(turn, page);
  process.start();
  process.join();
  EXPECT_EQ(page.call(m<&Page::number>), 2);
}

void take_pages_and_wait(const Proxy<Book>& book, Event has_them) {
  std::vector<Proxy<Page>> pages;
  for (int i = 0; i < 10; ++i) pages.push_back(book.call(m<&Book::page>, i));
  has_them.set();
  Event().wait();
}

TEST(ServedResults, EndWithAKilledClient) {
  Library library;
  const auto book = library.create<Book>("Book");
  Event has_them;
  Process process(take_pages_and_wait, book, has_them);
  process.start();
  has_them.wait();
  EXPECT_EQ(book.call<int>("alive"), 11);
  process.kill();
  process.join();
  EXPECT_TRUE(eventually([&] { return book.call<int>("alive") == 1; }));
}

TEST(ServedResults, AreServedByTheNameThatIsChosen) {
  BaseManager library;
  library.register_type<Book>("Book", book_methods, served_as<Page, "ReadOnly">());
  library.register_type<Page>("Page", no_constructor, page_methods);
  library.register_type<Page>("ReadOnly", no_constructor, methods<&Page::number>());
  library.start();
  const auto cover = library.create<Book>("Book").call(m<&Book::cover>);
  EXPECT_EQ(cover.call(m<&Page::number>), 1);
  EXPECT_NE(error_of([&] { return cover.call(m<&Page::turn>); }).find("'ReadOnly'"), std::string::npos);
}

template <class... Parts>
std::string error_of_start(std::vector<std::string> pages, Parts... parts) {
  BaseManager library;
  library.register_type<Book>("Book", book_methods, parts...);
  for (const std::string& name : pages) library.register_type<Page>(name, no_constructor, page_methods);
  try {
    library.start();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "it started";
}

TEST(ServedResults, OfAClassThatIsNotRegisteredAreRefusedAtTheStart) {
  const std::string error = error_of_start({});
  EXPECT_NE(
      error.find("'page(i32)->proxy' of the registered class 'Book' returns objects of Page, which is not "
                 "registered"),
      std::string::npos)
      << error;
}

TEST(ServedResults, OfAClassWithSeveralNamesAreRefusedAtTheStart) {
  const std::string error = error_of_start({"Leaf", "Sheet"});
  EXPECT_NE(error.find("several names, 'Leaf', 'Sheet'"), std::string::npos) << error;
  EXPECT_NE(error.find("served_as<Page, \"name\">"), std::string::npos) << error;
}

TEST(ServedResults, CannotBeServedByANameOfNothing) {
  const std::string error = error_of_start({"Leaf", "Sheet"}, served_as<Page, "Book">());
  EXPECT_NE(
      error.find("served as 'Book', by which name that class is not registered; it is by 'Leaf', 'Sheet'"),
      std::string::npos)
      << error;
}

TEST(ServedResults, OfAClassWithoutConstructorAreNotMadeByClients) {
  Library library;
  EXPECT_NE(error_of([&] { return library.create<Page>("Page"), 0; }).find("no_constructor"),
            std::string::npos);
}

}  // namespace
}  // namespace procyon
