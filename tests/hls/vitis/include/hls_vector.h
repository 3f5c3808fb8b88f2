// Stand-in for a header of Vitis HLS that the open ones lack. FINN's cppsim includes it, but uses
// it only for kernels whose beats are hls::vector, which ours are not.

#ifndef HLS_VECTOR_H
#define HLS_VECTOR_H

#include <cstddef>

namespace hls {

template <typename T, std::size_t N>
class vector {
    T elements[N];

public:
    T &operator[](std::size_t i) { return elements[i]; }
};

}  // namespace hls

#endif
