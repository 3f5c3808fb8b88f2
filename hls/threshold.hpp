// Threshold: accumulators become bits, each channel's at a threshold of its own. A batch norm and
// the sign behind it are such a comparison; where its gamma is negative, the comparison turns
// round. Beats carry PE channels, channel 0 in the least significant bits; one goes in and one
// comes out each cycle.
//
// binary_mvau has its thresholds inside. This is for accumulators that come from elsewhere.

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
    const ap_uint<PE * T_BITS> (&thresholds)[WORDS],   // of each beat's channels
    const ap_uint<PE> (&falling)[WORDS],  // 0: +1 from the threshold on, 1: +1 up to it
    unsigned vectors                      // how many come
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
