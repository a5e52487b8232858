// The names of the two archives, for headers that only ask whether a class can be serialised. See
// archive.hpp.
#pragma once

namespace procyon::wire {

class WriteArchive;
class ReadArchive;

}  // namespace procyon::wire
