// Popcount: counts the 1 bits of a word in a balanced tree of adders, each as wide as its sum.

#ifndef IRNET_POPCOUNT_HPP
#define IRNET_POPCOUNT_HPP

#include <ap_int.h>

#include "counter.hpp"

namespace irnet {

template <int N>
struct popcount {
    static_assert(N >= 1, "popcount: N must be at least 1");

    static ap_uint<bits_for(N)> of(const ap_uint<N> &bits) {
#pragma HLS INLINE
        const ap_uint<N / 2> low = bits.range(N / 2 - 1, 0);
        const ap_uint<N - N / 2> high = bits.range(N - 1, N / 2);
        return popcount<N / 2>::of(low) + popcount<N - N / 2>::of(high);
    }
};

template <>
struct popcount<1> {
    static ap_uint<1> of(const ap_uint<1> &bit) {
#pragma HLS INLINE
        return bit;
    }
};

}  // namespace irnet

#endif
