// Binary matrix-vector unit for Vitis HLS, with the parameters, streams and memories of
// binary_mvau.sv: PE rows of SIMD lanes compare an input beat with the weights; a popcount counts
// the matches of a beat, an accumulator sums the beats. Bit 1 is +1, bit 0 is -1.
//
// The sum of products is 2 matches - MW. In a convolution with zero padding, a padded tap must add
// 0 to it, but it arrives as bits that are all -1. What they add depends only on the output's
// position (its border class), so the accumulator's initial value cancels it. With thresholds, the
// initial value is half the accumulator's range minus the matches that the output needs, so that
// the sign bit is the output.
//
// One beat of a pass is compared every cycle, also across vectors and frames. The beats of a vector
// come in during its first pass and are kept for the others. Unlike in the RTL, no input is taken
// during those. So a producer that delivers beats evenly, at the average rate, needs a buffer of
// one vector in between.

#ifndef IRNET_BINARY_MVAU_HPP
#define IRNET_BINARY_MVAU_HPP

#include <ap_int.h>
#include <hls_stream.h>

#include "border_class.hpp"
#include "counter.hpp"
#include "memory.hpp"
#include "popcount.hpp"

namespace irnet {

template <
    int MW,              // elements of the vector
    int MH,              // outputs
    int SIMD,            // elements of an input beat; divides MW
    int PE,              // elements of an output beat; divides MH
    int THRESHOLDS,      // 1: output bits, 0: output accumulators
    int ACC_BITS,        // width of an accumulator, enough for its range
    int KH,              // kernel, stride, padding at top and left, image and output
    int KW,
    int SH,
    int SW,
    int PAD_H,
    int PAD_W,
    int IH,
    int IW,
    int OH,
    int OW,
    int CLASSES,         // border classes, as border_class counts them
    int BLOCK_RAM,       // 1: the weights are in block RAM, 0: in LUTs
    int INITS_BLOCK_RAM  // likewise for the accumulators' initial values
>
void binary_mvau(
    hls::stream<ap_uint<SIMD> > &in,  // beats of the vector
    hls::stream<ap_uint<PE * (THRESHOLDS ? 1 : ACC_BITS)> > &out,  // PE outputs, from pass * PE on
    // Word pass * beats + beat, bit lane * PE + row.
    const ap_uint<SIMD * PE> (&weights)[(MW / SIMD) * (MH / PE)],
    // Initial values, PE per word; for each class, one word per pass, rounded up to a power of two.
    const ap_uint<PE * ACC_BITS> (&inits)[CLASSES * power_of_two(MH / PE)],
    unsigned frames  // how many to process, OH * OW vectors each
) {
    static_assert(SIMD >= 1 && MW % SIMD == 0, "binary_mvau: SIMD must divide MW");
    static_assert(PE >= 1 && MH % PE == 0, "binary_mvau: PE must divide MH");
    static_assert(THRESHOLDS == 0 || THRESHOLDS == 1, "binary_mvau: THRESHOLDS must be 0 or 1");
    static_assert(ACC_BITS >= 2, "binary_mvau: ACC_BITS must be at least 2");

    constexpr int BEATS = MW / SIMD;
    constexpr int PASSES = MH / PE;
    constexpr int OUT_BITS = THRESHOLDS ? 1 : ACC_BITS;
    typedef ap_int<ACC_BITS> accumulator_t;

    memory<BLOCK_RAM>::constants(weights);
    memory<INITS_BLOCK_RAM>::constants(inits);
    ap_uint<SIMD> vector[BEATS];
    accumulator_t accumulators[PE];
#pragma HLS ARRAY_PARTITION variable=accumulators type=complete
    border_class<KH, KW, SH, SW, PAD_H, PAD_W, IH, IW, OH, OW, CLASSES> border;
    counter<BEATS> beat = 0;
    counter<PASSES> pass = 0;
    counter<BEATS * PASSES> address = 0;

    for (unsigned frame = 0; frame < frames; frame++) {
        for (int step = 0; step < OH * OW * PASSES * BEATS; step++) {
#pragma HLS PIPELINE II=1 style=flp
            ap_uint<SIMD> bits;
            if (pass == 0) {
                bits = in.read();
                vector[beat] = bits;
            } else {
                bits = vector[beat];
            }
            const ap_uint<SIMD * PE> word = weights[address];
            const ap_uint<PE * ACC_BITS> init = inits[border.now() * power_of_two(PASSES) + pass];
            ap_uint<PE * OUT_BITS> result;
            for (int row = 0; row < PE; row++) {
#pragma HLS UNROLL
                ap_uint<SIMD> matches;
                for (int lane = 0; lane < SIMD; lane++) {
#pragma HLS UNROLL
                    matches[lane] = word[lane * PE + row] == bits[lane];
                }
                const auto count = popcount<SIMD>::of(matches);
                // Accumulators are output as sums of products, where a match counts 2.
                const accumulator_t more = THRESHOLDS ? accumulator_t(count)
                                                      : accumulator_t(accumulator_t(count) << 1);
                const accumulator_t start = init.range((row + 1) * ACC_BITS - 1, row * ACC_BITS);
                const accumulator_t sum = (beat == 0 ? start : accumulators[row]) + more;
                accumulators[row] = sum;
                result.range((row + 1) * OUT_BITS - 1, row * OUT_BITS) =
                    sum.range(ACC_BITS - 1, ACC_BITS - OUT_BITS);
            }
            advance<BEATS * PASSES>(address);
            if (advance<BEATS>(beat)) {
                out.write(result);
                if (advance<PASSES>(pass)) border.step();
            }
        }
    }
}

}  // namespace irnet

#endif
