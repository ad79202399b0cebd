#!/bin/sh
# Builds in build/players what check.py plays: Pure Data with nn~, nn~'s backend, and the RAVE VST's loader.
# On Debian, before: apt-get install build-essential git unzip libcurl4-openssl-dev nlohmann-json3-dev
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
mkdir -p "$root/build/players"
cd "$root/build/players"

for source in pure-data/pure-data acids-ircam/nn_tilde acids-ircam/rave_vst; do
    [ -d "$(basename $source)" ] || git clone --depth 1 "https://github.com/$source"
done
# the VST's libtorch, out of the wheel of that version; its C++ is older than that of today's
if [ ! -d torch-1.11 ]; then
    "$root/.venv/bin/pip" download --no-deps --python-version 3.10 --only-binary=:all: torch==1.11.0
    unzip -q torch-1.11.0-*.whl 'torch/lib/*' 'torch/include/*' -d torch-1.11
fi

make -C pure-data/src -f makefile.gnu ALSA=false OSS=false ../bin/pd

old=$PWD/torch-1.11/torch
new=$("$root/.venv/bin/python" -c "import torch; print(torch.__path__[0])")
build() {
    torch=$1
    shift
    g++ -O1 -w -I"$torch/include" -I"$torch/include/torch/csrc/api/include" "$@" \
        -L"$torch/lib" -Wl,-rpath,"$torch/lib" -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10
}
backend="nn_tilde/src/backend/backend.cpp nn_tilde/src/backend/parsing_utils.cpp"
build "$new" -std=c++20 -shared -fPIC -Ipure-data/src -o nn~.pd_linux \
    nn_tilde/src/frontend/puredata/nn_tilde/nn_tilde.cpp $backend -lcurl
build "$new" -std=c++20 -Inn_tilde/src -o nn_backend "$here/nn_backend.cpp" $backend
build "$old" -std=c++17 -D_GLIBCXX_USE_CXX11_ABI=0 -I"$here" -Irave_vst/source -o rave_vst_loader "$here/rave_vst.cpp"
