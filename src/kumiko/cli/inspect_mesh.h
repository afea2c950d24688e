// `kumiko inspect mesh`: the mesh of a job and where its ranks would be.
#pragma once

namespace CLI {
class App;
}

namespace kumiko {

void add_inspect_mesh_command(CLI::App& inspect);

}  // namespace kumiko
