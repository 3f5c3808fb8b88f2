// Counters with exactly as many bits as their range needs, which start over after their last
// number. The loops of the HLS kernels use them where the RTL has counters in flip-flops.

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

// The least power of 2 that is at least `number`, which is at least 1.
constexpr int power_of_two(int number) {
    return number < 2 ? 1 : 2 * power_of_two((number + 1) / 2);
}

// A number 0 to N - 1.
template <int N>
using counter = ap_uint<bits_for(N - 1)>;

// Increments; wraps from N - 1 to 0. Returns whether it wrapped, so the next counter must advance.
template <int N>
bool advance(counter<N> &number) {
#pragma HLS INLINE
    const bool last = number == N - 1;
    number = last ? counter<N>(0) : counter<N>(number + 1);
    return last;
}

// The value of a counter after `by` increments, at most N.
template <int N>
counter<N> further(const counter<N> &number, int by) {
#pragma HLS INLINE
    const ap_uint<bits_for(2 * N - 1)> sum = number + by;
    return sum < N ? counter<N>(sum) : counter<N>(sum - N);
}

}  // namespace irnet

#endif
