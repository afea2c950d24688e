// The mesh for a person: which rank is where, at which coordinate, and which links each axis uses.
#pragma once

#include <string>
#include <vector>

#include "kumiko/mesh/locality.h"
#include "kumiko/mesh/mesh.h"

namespace kumiko {

// A row a rank: its coordinates and its place ("node01, NUMA 0, cores 0-11"), given by rank. Of more than `most_rows`
// ranks the first and the last are shown.
std::string rank_table(const Mesh& mesh, const std::vector<std::string>& places, int64_t most_rows);

// Lines for the start of a run. A line a rank, "rank 5, data 2, tensor 1: node01, NUMA 0, cores 0-11", with the axes of
// more than one rank.
std::vector<std::string> rank_lines(const Mesh& mesh, const std::vector<std::string>& places);
// A line for each of those axes: "tensor: 4 groups of 2 ranks (0, 1), 4 in one NUMA domain".
std::vector<std::string> axis_lines(const Mesh& mesh, const std::vector<SharedLevel>& levels,
                                    const std::string& beyond);

// A row an axis of more than one rank: size, groups, the first group, and what the groups lie in, by `levels`, or
// `beyond` where they share none of them.
std::string axis_table(const Mesh& mesh, const std::vector<SharedLevel>& levels, const std::string& beyond);

}  // namespace kumiko
