// The comment that a picture carries (a JPEG's COM segment, a PNG's tEXt chunk), read by a reader that believes what the
// file says about itself, as many a reader of metadata does: a PNG chunk that claims four gigabytes makes it read beyond
// its memory (SIGSEGV), a JPEG segment that claims to have no length keeps it in place for ever.
//
// It is wrong on purpose. In the process that makes the sheet it would be the end of all pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Empty if there is none.
std::string trusting_comment_of(const std::vector<std::uint8_t>& file);
