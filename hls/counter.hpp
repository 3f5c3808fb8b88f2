// Counters of exactly the width that their range needs, which begin anew after their last number:
// what the RTL kernels keep in flip-flops, the loops of the HLS ones keep in these.

#ifndef IRNET_COUNTER_HPP
#define IRNET_COUNTER_HPP

#include <ap_int.h>

namespace irnet {

// Bits of the numbers 0 to most, at least 1.
constexpr int bits_for(int most) { return most < 2 ? 1 : 1 + bits_for(most / 2); }

// Bits of the numbers least to most in two's complement; least is at most 0.
constexpr int signed_bits_for(int least, int most) {
    return 1 + bits_for(most > -least - 1 ? most : -least - 1);
}

// The least power of 2 that is not below a number of at least 1.
constexpr int power_of_two(int number) {
    return number < 2 ? 1 : 2 * power_of_two((number + 1) / 2);
}

// A number 0 to N - 1.
template <int N>
using counter = ap_uint<bits_for(N - 1)>;

// Counts on, after N - 1 from 0. Returns whether it was at N - 1, so that the next counter is due.
template <int N>
bool advance(counter<N> &number) {
#pragma HLS INLINE
    const bool last = number == N - 1;
    number = last ? counter<N>(0) : counter<N>(number + 1);
    return last;
}

// The number that a counter has after counting on some times, at most N.
template <int N>
counter<N> further(const counter<N> &number, int by) {
#pragma HLS INLINE
    const ap_uint<bits_for(2 * N - 1)> sum = number + by;
    return sum < N ? counter<N>(sum) : counter<N>(sum - N);
}

}  // namespace irnet

#endif
