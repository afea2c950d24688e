// Tests that run on every rank of a world: list support/world_main.cpp among the sources instead of a main of their
// own. Every rank runs every test; a rank on which a test fails ends the job at once, since the others would wait for
// it.
#pragma once

#include "kumiko/comm/communicator.h"
#include "kumiko/tensor/memory.h"

namespace kumiko::test {

// Connected before the first test, disconnected after the last.
World& world();
// Memory for the tests' tensors.
MemoryPool& pool();
// All ranks of the world on `axis`.
std::unique_ptr<Communicator> everyone(Axis axis = Axis::data);

}  // namespace kumiko::test
