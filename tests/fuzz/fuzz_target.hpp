// What a target defines: one run over one input. It aborts when a promise does not hold.
#pragma once

#include <cstddef>
#include <span>

void fuzz(std::span<const std::byte> input);
