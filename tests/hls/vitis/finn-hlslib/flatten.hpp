// Stand-in for the header of finn-hlslib in a FINN installation: the part that FINN's cppsim needs
// to read and write NumPy files. Element 0 is in the least significant bits.

#ifndef FLATTEN_HPP
#define FLATTEN_HPP

#include <ap_int.h>
#include <cstddef>

template <typename T>
constexpr std::size_t width_v = T::width;

template <typename T, std::size_t N>
ap_uint<N * width_v<T>> flatten(T const (&elements)[N]) {
    constexpr int W = width_v<T>;
    ap_uint<N * W> word;
    for (std::size_t i = 0; i < N; i++) word.range((i + 1) * W - 1, i * W) = elements[i];
    return word;
}

template <typename T, std::size_t N>
void unflatten(T (&elements)[N], ap_uint<N * width_v<T>> const &word) {
    constexpr int W = width_v<T>;
    for (std::size_t i = 0; i < N; i++) elements[i] = word.range((i + 1) * W - 1, i * W);
}

#endif
