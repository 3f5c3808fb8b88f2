// Threshold: turns accumulators into bits, with one threshold per channel. A batch norm followed by
// a sign is such a comparison; a negative gamma reverses it. Beats carry PE channels, channel 0 in
// the least significant bits; each cycle takes one beat and outputs one.
//
// binary_mvau applies its thresholds itself. This is for accumulators from elsewhere.

#ifndef IRNET_THRESHOLD_HPP
#define IRNET_THRESHOLD_HPP

#include <ap_int.h>
#include <hls_stream.h>

#include "counter.hpp"

namespace irnet {

template <
    int PE,      // channels of a beat
    int WORDS,   // beats of a vector
    int IN_BITS, // of an accumulator, two's complement
    int T_BITS   // of a threshold, two's complement
>
void threshold(
    hls::stream<ap_uint<PE * IN_BITS> > &in,
    hls::stream<ap_uint<PE> > &out,                    // 1 is +1, 0 is -1
    const ap_uint<PE * T_BITS> (&thresholds)[WORDS],   // one per channel of a beat
    const ap_uint<PE> (&falling)[WORDS],  // 0: +1 from the threshold on, 1: +1 up to it
    unsigned vectors                      // how many to process
) {
    static_assert(PE >= 1, "threshold: PE must be at least 1");
    static_assert(WORDS >= 1, "threshold: WORDS must be at least 1");
    static_assert(IN_BITS >= 1, "threshold: IN_BITS must be at least 1");
    static_assert(T_BITS >= 1, "threshold: T_BITS must be at least 1");

    for (unsigned vector = 0; vector < vectors; vector++) {
        for (int word = 0; word < WORDS; word++) {
#pragma HLS PIPELINE II=1 style=flp
            const ap_uint<PE * IN_BITS> beat = in.read();
            const ap_uint<PE * T_BITS> levels = thresholds[word];
            const ap_uint<PE> down = falling[word];
            ap_uint<PE> bits;
            for (int lane = 0; lane < PE; lane++) {
#pragma HLS UNROLL
                const ap_int<IN_BITS> sum = beat.range((lane + 1) * IN_BITS - 1, lane * IN_BITS);
                const ap_int<T_BITS> level = levels.range((lane + 1) * T_BITS - 1, lane * T_BITS);
                bits[lane] = down[lane] ? sum <= level : sum >= level;
            }
            out.write(bits);
        }
    }
}

}  // namespace irnet

#endif
