// A process is killed at every instruction of what it does with the session's memory: blocks, counted objects, pins,
// joining and leaving, and the recovery of others. Whoever is left finds the memory whole, and gets back what it held.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "arena/blocks.hpp"
#include "arena/participants.hpp"
#include "arena/pins.hpp"
#include "crash_points.hpp"
#include "os/memfd.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "session_state.hpp"
#include "shared_page.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using arena::BlockKind;
using arena::BlockState;
using arena::Handle;
using arena::ParticipantId;
using arena::Reference;
using arena::Session;
using arena::TravellingPin;
using arena::unit_size;

constexpr arena::ObjectType object_type{"Thing", 900};
// Its slab has three cells: walks over the arena are short.
constexpr std::size_t cell = 9'000;

// For windows that walk over tables: their loops deserve few of the points, the stores all of them.
Options long_window() {
  Options options = Options::from_environment();
  if (options.budget) options.budget = std::min<std::size_t>(*options.budget, 120);
  return options;
}

Session& session() { return Session::current(); }

Reference make_object() { return Reference::create_with_room<arena::Counted>(cell, object_type); }

/// A block that is the survivor's throughout; what it says must not change.
class Witness {
 public:
  explicit Witness(std::size_t size) : block_(session().allocate(size)) {
    std::memset(bytes(), 'w', length());
  }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { session().release(block_); }

  void expect_unharmed() const {
    ASSERT_NE(bytes(), nullptr) << "the survivor's block is gone";
    for (std::size_t i = 0; i < length(); ++i)
      ASSERT_EQ(static_cast<char>(bytes()[i]), 'w') << "at byte " << i;
  }

 private:
  [[nodiscard]] std::byte* bytes() const { return session().bytes(block_); }
  [[nodiscard]] std::size_t length() const { return std::min<std::size_t>(session().size(block_), 64); }

  Handle block_;
};

/// An operation of the victim on blocks: whatever it holds is back afterwards.
struct BlockOperation {
  const char* name;
  std::function<Handle()> acquire = [] { return Handle(); };  // in the victim, before the window
  std::function<void(Handle)> operation;                      // the window
};

void expect_blocks_survive(const BlockOperation& what) {
  std::optional<Witness> small;
  std::optional<Witness> large;
  std::size_t used = 0;
  const Scenario scenario{.name = what.name,
                          .prepare =
                              [&] {
                                small.reset();
                                large.reset();
                                make_session_like_new();
                                small.emplace(cell);
                                large.emplace(unit_size);
                                used = used_bytes();
                              },
                          .victim =
                              [&] {
                                session().self();
                                const Handle block = what.acquire();
                                begin_window();
                                what.operation(block);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                expect_session_is_whole(used);
                                small->expect_unharmed();
                                large->expect_unharmed();
                              }};
  expect_survives_every_kill(scenario);
}

// Blocks --------------------------------------------------------------------------------------------------------

TEST(ArenaCrash, AllocateACellOfASlabWithRoom) {
  expect_blocks_survive(
      {.name = "arena.allocate, slab with room", .operation = [](Handle) { session().allocate(cell); }});
}

TEST(ArenaCrash, AllocateFromANewSlab) {
  expect_blocks_survive(
      {.name = "arena.allocate, new slab", .operation = [](Handle) { session().allocate(4'000); }});
}

// So that no warm unit is left.
void use_up_warm_units() {
  while (session().header().warm_units.load() != 0) session().allocate(unit_size);
}

TEST(ArenaCrash, AllocateFromANewBatchOfUnits) {
  expect_blocks_survive({.name = "arena.allocate, new units",
                         .acquire =
                             [] {
                               use_up_warm_units();
                               return Handle();
                             },
                         .operation = [](Handle) { session().allocate(4'000); }});
}

TEST(ArenaCrash, AllocateWhenTheUnitTableGrows) {
  expect_blocks_survive({.name = "arena.allocate, unit table grows",
                         .acquire =
                             [] {
                               use_up_warm_units();
                               // What is committed is committed again.
                               session().header().table_committed.store(0);
                               return Handle();
                             },
                         .operation = [](Handle) { session().allocate(unit_size); }});
}

TEST(ArenaCrash, AllocateAWarmRun) {
  // What the first slab left of its units.
  expect_blocks_survive({.name = "arena.allocate, warm run cut",
                         .operation = [](Handle) { session().allocate(2 * unit_size); }});
}

TEST(ArenaCrash, AllocateAColdRun) {
  expect_blocks_survive(
      {.name = "arena.allocate, cold run", .operation = [](Handle) { session().allocate(5 * unit_size); }});
}

// Runs of those lengths, freed: warm or cold; behind them a block in use.
void make_holes(std::initializer_list<std::pair<std::uint32_t, BlockKind>> holes) {
  use_up_warm_units();
  std::vector<std::pair<Handle, BlockKind>> blocks;
  for (const auto& [units, kind] : holes) blocks.emplace_back(session().allocate(units * unit_size), kind);
  session().allocate(unit_size);
  arena::ArenaLock lock(session());
  for (const auto& [block, kind] : blocks) {
    arena::free_locked(session(), block);
    if (kind == BlockKind::free) continue;
    arena::Unit& unit = arena::unit_table(session())[block.offset() >> arena::unit_bits];
    unit.state.store(BlockState{BlockKind::cold, 0, 0}.bits());
    session().header().warm_units.fetch_sub(unit.length);
  }
}

TEST(ArenaCrash, AllocateAPartOfAColdRun) {
  expect_blocks_survive({.name = "arena.allocate, cold run cut",
                         .acquire =
                             [] {
                               make_holes({{4, BlockKind::cold}});
                               return Handle();
                             },
                         .operation = [](Handle) { session().allocate(2 * unit_size); }});
}

TEST(ArenaCrash, AllocateJoinsWarmRuns) {
  expect_blocks_survive({.name = "arena.allocate, warm runs joined",
                         .acquire =
                             [] {
                               make_holes({{1, BlockKind::free}, {1, BlockKind::free}, {2, BlockKind::free}});
                               return Handle();
                             },
                         .operation = [](Handle) { session().allocate(3 * unit_size); }});
}

TEST(ArenaCrash, AllocateJoinsWarmAndColdRuns) {
  expect_blocks_survive(
      {.name = "arena.allocate, mixed runs joined",
       .acquire =
           [] {
             make_holes(
                 {{1, BlockKind::free}, {1, BlockKind::cold}, {1, BlockKind::free}, {1, BlockKind::cold}});
             return Handle();
           },
       .operation = [](Handle) { session().allocate(4 * unit_size); }});
}

TEST(ArenaCrash, ReleaseACell) {
  expect_blocks_survive({.name = "arena.release, cell",
                         .acquire = [] { return session().allocate(cell); },
                         .operation = [](Handle block) { session().release(block); }});
}

TEST(ArenaCrash, ReleaseTheLastCellOfASlab) {
  expect_blocks_survive({.name = "arena.release, last cell of a slab",
                         .acquire =
                             [] {
                               // Two full slabs and one cell of a third, which is not the one looked at first.
                               std::array<Handle, 7> cells;
                               for (Handle& block : cells) block = session().allocate(cell);
                               session().header().slab_hint[8].store(
                                   static_cast<std::uint32_t>(cells[0].offset() >> arena::unit_bits));
                               return cells[6];
                             },
                         .operation = [](Handle block) { session().release(block); }});
}

TEST(ArenaCrash, ReleaseARun) {
  expect_blocks_survive({.name = "arena.release, run",
                         .acquire = [] { return session().allocate(2 * unit_size); },
                         .operation = [](Handle block) { session().release(block); }});
}

// Pretends that so many units are warm as are kept: nobody touches them, so they need no memory.
void keep_much_warm() {
  const Handle block = session().allocate(unit_size);
  arena::ArenaLock lock(session());
  arena::Header& header = session().header();
  constexpr std::uint32_t length = (64u << 20) >> arena::unit_bits;
  const std::uint32_t start = header.frontier.load();
  // Its front is what the checks allocate from; the rest is counted only.
  constexpr std::size_t used_by_checks = 1u << 20;
  if (!os::commit(session().memory(), std::size_t{start} << arena::unit_bits, used_by_checks)) std::abort();
  arena::unit_table(session())[start].length.store(length);
  arena::unit_table(session())[start].state.store(BlockState{BlockKind::free, 0, 0}.bits());
  header.frontier.store(start + length);
  header.warm_units.fetch_add(length);
  static_cast<void>(block);  // stands between: a free run before is not joined to this one
}

TEST(ArenaCrash, ReleaseARunWhoseMemoryGoesBackToTheSystem) {
  expect_blocks_survive({.name = "arena.release, memory given back",
                         .acquire =
                             [] {
                               const Handle block = session().allocate(2 * unit_size);
                               keep_much_warm();
                               return block;
                             },
                         .operation = [](Handle block) { session().release(block); }});
}

// Counted objects -----------------------------------------------------------------------------------------------

/// Objects and pins of the victim and of the survivor.
struct ObjectOperation {
  const char* name;
  std::function<void(const Reference& survivors)> operation;  // calls begin_window() and end_window()
  Options options = Options::from_environment();
};

void expect_objects_survive(const ObjectOperation& what) {
  std::optional<Reference> survivors;
  std::size_t used = 0;
  const Scenario scenario{.name = what.name,
                          .prepare =
                              [&] {
                                survivors.reset();
                                make_session_like_new();
                                used = used_bytes();
                                survivors = make_object();
                              },
                          .victim =
                              [&] {
                                session().self();
                                what.operation(*survivors);
                              },
                          .check =
                              [&](const KillPoint&) {
                                expect_session_is_whole(used + session().size(survivors->handle()));
                                EXPECT_EQ(arena::object_header(session(), survivors->handle()).pins.load(),
                                          1U);
                                survivors.reset();
                                expect_session_is_whole(used);
                              }};
  expect_survives_every_kill(scenario, what.options);
}

TEST(ArenaCrash, CreateAnObject) {
  expect_objects_survive({.name = "arena.object, create", .operation = [](const Reference&) {
                            begin_window();
                            Reference mine = make_object();
                            end_window();
                            static_cast<void>(Reference(std::move(mine)));
                          }});
}

TEST(ArenaCrash, DropTheLastReference) {
  expect_objects_survive({.name = "arena.object, destroy", .operation = [](const Reference&) {
                            std::optional<Reference> mine(make_object());
                            begin_window();
                            mine.reset();
                            end_window();
                          }});
}

TEST(ArenaCrash, DestroyAnObjectThatHoldsBlocks) {
  expect_objects_survive(
      {.name = "arena.object, destroy with what it holds",
       .operation =
           [](const Reference& survivors) {
             std::optional<Reference> mine(make_object());
             for (const std::size_t size : {cell, cell, 2 * unit_size})
               session().hand_to(session().allocate(size), mine->handle());
             // In one of them travels a reference to another object of the victim's, in another one to the survivor's.
             const Handle carrier = session().allocate(cell);
             {
               const Reference other = make_object();
               session().hand_to(session().allocate(cell), other.handle());
               const std::array pins{TravellingPin::pack(other), TravellingPin::pack(survivors)};
               TravellingPin::hand_to(pins.data(), pins.size(), carrier);
             }
             session().hand_to(carrier, mine->handle());
             begin_window();
             mine.reset();
             end_window();
           },
       .options = long_window()});
}

TEST(ArenaCrash, HandABlockToAnObjectAndTakeItBack) {
  expect_objects_survive({.name = "arena.object, hand over and take", .operation = [](const Reference&) {
                            const Reference mine = make_object();
                            const Handle block = session().allocate(cell);
                            begin_window();
                            session().hand_to(block, mine.handle());
                            session().take_from(block, mine.handle());
                            end_window();
                          }});
}

TEST(ArenaCrash, OpenAHandle) {
  expect_objects_survive({.name = "arena.object, open", .operation = [](const Reference& survivors) {
                            // As a child that inherited nothing sees it: find it under a name of its own.
                            const Handle handle = survivors.handle();
                            begin_window();
                            const Reference mine = Reference::open(handle, object_type);
                            end_window();
                          }});
}

TEST(ArenaCrash, PackAReferenceAndHandItToItsCarrier) {
  expect_objects_survive(
      {.name = "arena.pin, pack and hand over", .operation = [](const Reference& survivors) {
         const Handle carrier = session().allocate(cell);
         begin_window();
         const TravellingPin::Number pin = TravellingPin::pack(survivors);
         TravellingPin::hand_to(&pin, 1, carrier);
         end_window();
       }});
}

TEST(ArenaCrash, DropATravellingReference) {
  expect_objects_survive({.name = "arena.pin, drop", .operation = [](const Reference& survivors) {
                            const TravellingPin::Number pin = TravellingPin::pack(survivors);
                            begin_window();
                            TravellingPin::drop(pin, survivors.handle());
                            end_window();
                          }});
}

TEST(ArenaCrash, ReleaseTheCarrierOfAReference) {
  expect_objects_survive({.name = "arena.pin, carrier released",
                          .operation =
                              [](const Reference& survivors) {
                                const Handle carrier = session().allocate(cell);
                                const TravellingPin::Number pin = TravellingPin::pack(survivors);
                                TravellingPin::hand_to(&pin, 1, carrier);
                                begin_window();
                                session().release(carrier);
                                end_window();
                              },
                          .options = long_window()});
}

TEST(ArenaCrash, PinATableFull) {
  expect_objects_survive({.name = "arena.pin, table grows", .operation = [](const Reference& survivors) {
                            arena::Header& header = session().header();
                            while (header.pin_hint.load() % arena::pins_per_block != 0)
                              TravellingPin::pack(survivors);
                            begin_window();
                            TravellingPin::pack(survivors);
                            end_window();
                          }});
}

TEST(ArenaCrash, TakeATravellingReference) {
  // The pin in the carrier is all that keeps the object alive.
  Handle object;
  Handle carrier;
  TravellingPin::Number pin = 0;
  std::size_t used = 0;
  const Scenario scenario{
      .name = "arena.pin, take",
      .prepare =
          [&] {
            make_session_like_new();
            used = used_bytes();
            const Reference mine = make_object();
            object = mine.handle();
            carrier = session().allocate(cell);
            pin = TravellingPin::pack(mine);
            TravellingPin::hand_to(&pin, 1, carrier);
          },
      .victim =
          [&] {
            session().self();
            begin_window();
            const Reference mine = TravellingPin::take(pin, object);
            end_window();
            session().leave();  // its pin goes, and the object with it
          },
      .check =
          [&](const KillPoint& point) {
            session().recover_everybody();
            const bool alive = session().bytes(object) != nullptr;
            EXPECT_TRUE(point.killed() || !alive);
            expect_session_is_whole(used + session().size(carrier) + (alive ? session().size(object) : 0));
            session().release(carrier);
            EXPECT_EQ(session().bytes(object), nullptr);
            expect_session_is_whole(used);
          }};
  expect_survives_every_kill(scenario);
}

// Participants --------------------------------------------------------------------------------------------------

TEST(ArenaCrash, Join) {
  std::size_t used = 0;
  const Scenario scenario{.name = "arena.join",
                          .prepare =
                              [&] {
                                make_session_like_new();
                                used = used_bytes();
                              },
                          .victim =
                              [&] {
                                begin_window();
                                session().self();
                                end_window();
                              },
                          .check = [&](const KillPoint&) { expect_session_is_whole(used); }};
  expect_survives_every_kill(scenario);
}

// Somebody with one of everything; the survivor's object is among it.
void acquire_one_of_everything(const Reference& survivors) {
  session().allocate(cell);
  session().allocate(unit_size);
  static std::optional<Reference> kept;  // never dropped: its process is killed
  kept = make_object();
  session().hand_to(session().allocate(cell), kept->handle());
  TravellingPin::pack(survivors);
  const TravellingPin::Number pin = TravellingPin::pack(survivors);
  TravellingPin::hand_to(&pin, 1, session().allocate(cell));
}

/// Somebody dies, and a victim is killed in what it does about that.
struct Remains {
  std::optional<Reference> survivors;
  std::size_t used = 0;
  SharedPage<std::atomic<std::uint32_t>> dead;  // shared: the victim reads it

  /// Joining looks at the eight slots behind one's own.
  static constexpr std::uint32_t slot_nearby = 5;
  static constexpr std::uint32_t slot_far_away = 50;

  void prepare(std::uint32_t slot, const std::function<void()>& last_act) {
    survivors.reset();
    make_session_like_new();
    used = used_bytes();
    survivors = make_object();
    session().header().next_slot.store(slot);
    *dead = let_somebody_die([&] {
              acquire_one_of_everything(*survivors);
              last_act();
            }).bits();
    session().header().next_slot.store(1);
  }
  void check() {
    expect_session_is_whole(used + session().size(survivors->handle()));
    EXPECT_EQ(arena::object_header(session(), survivors->handle()).pins.load(), 1U);
    survivors.reset();
    expect_session_is_whole(used);
  }
};

void expect_remains_are_recovered(const char* name, const std::function<void()>& last_act,
                                  const std::function<void(ParticipantId dead)>& window,
                                  const std::function<void()>& before_window = {}) {
  Remains remains;
  const Scenario scenario{.name = name,
                          .prepare = [&] { remains.prepare(Remains::slot_far_away, last_act); },
                          .victim =
                              [&] {
                                if (before_window) before_window();
                                begin_window();
                                window(ParticipantId::from_bits(*remains.dead));
                                end_window();
                              },
                          .check = [&](const KillPoint&) { remains.check(); }};
  expect_survives_every_kill(scenario, long_window());
  if (os::crash_points_enabled) expect_survives_every_crash_point(scenario);
}

TEST(ArenaCrash, JoinBesideTheRemainsOfAnother) {
  Remains remains;
  const Scenario scenario{.name = "arena.join, with inheritance and remains",
                          .prepare = [&] { remains.prepare(Remains::slot_nearby, [] {}); },
                          .victim =
                              [&] {
                                begin_window();
                                session().self();
                                end_window();
                              },
                          .check = [&](const KillPoint&) { remains.check(); }};
  expect_survives_every_kill(scenario, long_window());
}

TEST(ArenaCrash, JoinInTheSlotOfTheDead) {
  // Every slot is taken by somebody dead; of one of them something is left.
  Remains remains;
  const auto others = [&](arena::SlotState state) {
    for (std::uint32_t number = 1; number < ParticipantId::slot_count; ++number) {
      arena::ParticipantSlot& slot = arena::participant_table(session())[number];
      const auto id = ParticipantId::from_bits(slot.id.load());
      if (id == session().self() || number == ParticipantId::from_bits(*remains.dead).slot()) continue;
      if (!id) slot.id.store(ParticipantId(number, 1).bits());
      slot.state.store(static_cast<std::uint32_t>(state));
    }
  };
  const Scenario scenario{
      .name = "arena.join, in the slot of the dead",
      .prepare =
          [&] {
            remains.prepare(Remains::slot_far_away, [] {});
            others(arena::SlotState::alive);
            session().header().next_slot.store(ParticipantId::from_bits(*remains.dead).slot());
          },
      .victim =
          [&] {
            begin_window();
            session().self();
            end_window();
          },
      .check =
          [&](const KillPoint&) {
            others(arena::SlotState::free);
            remains.check();
          }};
  // Stepping over all slots would take minutes.
  expect_survives_every_crash_point(scenario, {.least_points = 3});
}

TEST(ArenaCrash, Leave) {
  expect_objects_survive({.name = "arena.leave",
                          .operation =
                              [](const Reference& survivors) {
                                acquire_one_of_everything(survivors);
                                begin_window();
                                session().leave();
                                end_window();
                              },
                          .options = long_window()});
}

TEST(ArenaCrash, RecoverTheDead) {
  expect_remains_are_recovered(
      "arena.recover", [] {}, [](ParticipantId dead) { session().recover(dead); },
      [] { session().allocate(cell); });
}

// Every copy that the arena's lock protects is wrong, as after the worst death under it.
void die_with_the_lock_and_wrong_copies() {
  arena::Header& header = session().header();
  header.lock.lock(os::Deadline::never());
  for_each_run(session(), [&](std::uint32_t index, arena::Unit& unit) {
    if (BlockState::from_bits(unit.state.load()).kind != BlockKind::slab) return;
    arena::slab_at(session(), index).used.store(0);
    arena::slab_at(session(), index).hint.store(1);
  });
  for_each_block(session(), [&](Handle block, arena::StateWord& word) {
    if (BlockState::from_bits(word.load()).kind == BlockKind::object)
      arena::object_header(session(), block).pins.store(77);
  });
  for (auto& hint : header.slab_hint) hint.store(0);
  header.pin_hint.store(3);
  header.carried_pins.store(0);
  header.warm_units.store(12'345);
}

TEST(ArenaCrash, RebuildAfterADeathUnderTheLock) {
  expect_remains_are_recovered("arena.rebuild", die_with_the_lock_and_wrong_copies,
                               [](ParticipantId) { session().allocate(cell); });
}

TEST(ArenaCrash, RebuildAndRecoverAfterADeathInADestruction) {
  // An object without pins, some of whose blocks are freed; an unlisted block for pins.
  const auto last_act = [] {
    const Reference object = make_object();
    for (const std::size_t size : {cell, unit_size})
      session().hand_to(session().allocate(size), object.handle());
    session().header().lock.lock(os::Deadline::never());
    for_each_pin(session(), [&](arena::PinNumber, arena::Pin& pin) {
      if (pin.object.load() == object.handle().bits()) pin.holder.store(0);
    });
    arena::allocate_locked(session(), arena::page_size, BlockKind::arena, 0);
    ::kill(::getpid(), SIGKILL);  // before `object` goes
  };
  expect_remains_are_recovered("arena.rebuild, destruction", last_act,
                               [](ParticipantId dead) { session().recover(dead); });
}

}  // namespace
}  // namespace procyon::crash
