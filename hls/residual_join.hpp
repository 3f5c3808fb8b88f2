// Residual join for Vitis HLS, with the parameters, streams and constants of residual_join.sv: y =
// (skip << SKIP_SHIFT) + ((x * m + b) >> SHIFT), saturated to OUT_BITS, with m and b for each
// channel. One beat of each input per cycle.
//
// A beat of skip is taken together with that of x, not some cycles later as in the RTL.

#ifndef IRNET_RESIDUAL_JOIN_HPP
#define IRNET_RESIDUAL_JOIN_HPP

#include <ap_int.h>
#include <hls_stream.h>

#include "memory.hpp"
#include "saturate.hpp"

namespace irnet {

// Multiplies in a DSP block (DSP = 1) or in LUTs (0); BIND_OP takes no template parameter, either.
template <int DSP>
struct multiplier {
    static_assert(DSP == 0 || DSP == 1, "multiplier: DSP must be 0 or 1");

    template <int A, int B>
    static ap_int<A + B> product(const ap_int<A> &a, const ap_int<B> &b) {
#pragma HLS INLINE
        const ap_int<A + B> result = a * b;
#pragma HLS BIND_OP variable=result op=mul impl=fabric
        return result;
    }
};

template <>
struct multiplier<1> {
    template <int A, int B>
    static ap_int<A + B> product(const ap_int<A> &a, const ap_int<B> &b) {
#pragma HLS INLINE
        const ap_int<A + B> result = a * b;
#pragma HLS BIND_OP variable=result op=mul impl=dsp
        return result;
    }
};

template <
    int PE,          // channels of a beat
    int WORDS,       // beats of a pixel
    int IN_BITS,     // of x
    int OUT_BITS,    // of y
    int M_BITS,      // of m
    int B_BITS,      // of b
    int SUM_BITS,    // of x * m + b
    int SHIFT,       // below SUM_BITS
    int DSP,         // 1: multiply in DSP blocks, 0: in LUTs
    int BLOCK_RAM,   // 1: the constants are in block RAM, 0: in LUTs
    int SKIP_BITS,   // of skip
    int SKIP_SHIFT   // at least 0
>
void residual_join(
    hls::stream<ap_uint<PE * IN_BITS> > &in0,    // x, two's complement
    hls::stream<ap_uint<PE * SKIP_BITS> > &in1,  // skip, two's complement
    hls::stream<ap_uint<PE * OUT_BITS> > &out,   // y, two's complement
    const ap_uint<PE * M_BITS> (&m)[WORDS],      // one per channel, the first channel lowest
    const ap_uint<PE * B_BITS> (&b)[WORDS],      // likewise
    unsigned vectors                             // how many pixels to process
) {
    static_assert(PE >= 1, "residual_join: PE must be at least 1");
    static_assert(WORDS >= 1, "residual_join: WORDS must be at least 1");
    static_assert(SHIFT >= 0 && SHIFT < SUM_BITS,
                  "residual_join: SHIFT must be 0 to SUM_BITS - 1");
    static_assert(SKIP_SHIFT >= 0, "residual_join: SKIP_SHIFT must be at least 0");

    constexpr int SCALED = SUM_BITS - SHIFT;
    constexpr int WIDE = SKIP_BITS + SKIP_SHIFT;
    constexpr int TOTAL = (SCALED > WIDE ? SCALED : WIDE) + 1;

    memory<BLOCK_RAM>::constants(m);
    memory<BLOCK_RAM>::constants(b);
    for (unsigned vector = 0; vector < vectors; vector++) {
        for (int word = 0; word < WORDS; word++) {
#pragma HLS PIPELINE II=1 style=flp
            const ap_uint<PE * IN_BITS> x = in0.read();
            const ap_uint<PE * SKIP_BITS> skip = in1.read();
            const ap_uint<PE * M_BITS> factors = m[word];
            const ap_uint<PE * B_BITS> offsets = b[word];
            ap_uint<PE * OUT_BITS> y;
            for (int lane = 0; lane < PE; lane++) {
#pragma HLS UNROLL
                const ap_int<IN_BITS> a = x.range((lane + 1) * IN_BITS - 1, lane * IN_BITS);
                const ap_int<M_BITS> factor =
                    factors.range((lane + 1) * M_BITS - 1, lane * M_BITS);
                const ap_int<B_BITS> offset =
                    offsets.range((lane + 1) * B_BITS - 1, lane * B_BITS);
                const ap_int<SUM_BITS> sum = multiplier<DSP>::product(a, factor) + offset;
                const ap_int<SCALED> scaled = sum.range(SUM_BITS - 1, SHIFT);
                const ap_int<SKIP_BITS> held =
                    skip.range((lane + 1) * SKIP_BITS - 1, lane * SKIP_BITS);
                const ap_int<TOTAL> total = (ap_int<TOTAL>(held) << SKIP_SHIFT) + scaled;
                y.range((lane + 1) * OUT_BITS - 1, lane * OUT_BITS) =
                    saturate<TOTAL, OUT_BITS>(total);
            }
            out.write(y);
        }
    }
}

}  // namespace irnet

#endif
