// Plays 32-bit floats, stream after stream, through nn~'s own backend as mc.nn~ does: many streams in a call.
//   nn_backend MODEL.ts STREAMS BUFFER IN OUT     plays `forward`
//   nn_backend MODEL.ts                           gets and sets each attribute
#include "backend/backend.h"
#include <fstream>
#include <iostream>

int main(int argc, char **argv) {
  Backend backend;
  backend.load(argv[1], 44100);
  if (argc == 2) {
    for (const auto &name : backend.get_settable_attributes()) {
      std::cout << name << " " << backend.get_attribute_as_string(name);
      backend.set_attribute(name, {"0.5"}, {});
      std::cout << " " << backend.get_attribute_as_string(name) << "\n";
    }
    return 0;
  }
  const int streams = std::atoi(argv[2]), size = std::atoi(argv[3]);
  std::ifstream in(argv[4], std::ios::binary | std::ios::ate);
  const int length = in.tellg() / sizeof(float) / streams;
  std::vector<float> heard(streams * length), played(streams * length);
  in.seekg(0);
  in.read(reinterpret_cast<char *>(heard.data()), heard.size() * sizeof(float));
  for (int at = 0; at + size <= length; at += size) {
    std::vector<float *> from, to;
    for (int stream = 0; stream < streams; stream++) {
      from.push_back(&heard[stream * length + at]);
      to.push_back(&played[stream * length + at]);
    }
    backend.perform(from, to, "forward", streams, 1, size);
  }
  std::ofstream(argv[5], std::ios::binary).write(reinterpret_cast<char *>(played.data()), played.size() * sizeof(float));
}
