// How a started child is entered before the user's main, without a line of user code.
//
// The C runtime's entry code calls __libc_start_main(main, ...). This object puts itself in between and hands on a
// main of its own, which runs after all static constructors: in a child that was started by this library it runs the
// child and never returns; otherwise it calls the user's.
//
//   static library:  __libc_start_main is defined here, and the program's entry code pulls this object from the archive.
//   shared library:  a constructor finds the program's own table entry for __libc_start_main and redirects it. The
//                    dynamic linker runs it before the program's entry code, also when the program reaches this library
//                    only through another one.
//
// Limits: a fully static program (-static) and a library loaded by dlopen() have no hook: there start() asks for
// freeze_support(argc, argv) in main.
#pragma once

namespace procyon::process {

enum class Entry {
  not_hooked,          // nobody stands before main: children cannot be started afresh
  program,             // the user's program
  bootstrapped_child,  // a child that the parent's request has not yet been carried out in
};

/// How this process was entered.
Entry entry();

/// The request of the parent has been received: from now on this is a process like any other.
void leave_bootstrap();

/// For a build without the hook: what the hook would have done, at the start of main.
void hook_by_hand();

}  // namespace procyon::process
