// Plays 32-bit floats as the RAVE VST does: its own Rave.h, called as RaveAP::modelPerform calls it, all knobs at rest.
//   rave_vst MODEL.ts BUFFER IN OUT [TEMPERATURE]     with a temperature, its prior plays
#include "Rave.h"
#include <fstream>

int main(int argc, char **argv) {
  RAVE rave;
  rave.load_model(argv[1]);
  c10::InferenceMode guard(true);
  const int size = std::atoi(argv[2]);
  std::ifstream in(argv[3], std::ios::binary);
  std::ofstream out(argv[4], std::ios::binary);
  std::vector<float> buffer(size);
  while (in.read(reinterpret_cast<char *>(buffer.data()), size * sizeof(float))) {
    auto latents = argc > 5 ? rave.sample_prior(size / rave.getModelRatio(), std::atof(argv[5]))
                            : rave.encode(torch::from_blob(buffer.data(), {1, 1, size}));
    for (int i = 0; i < 8; i++)
      latents.index_put_({0, i}, latents.index({0, i}) * 1.0f + 0.0f);
    rave.writeLatentBuffer(latents);
    auto left = rave.decode(latents).index({0, 0, at::indexing::Slice()});
    out.write(reinterpret_cast<char *>(left.data_ptr<float>()), size * sizeof(float));
  }
}
