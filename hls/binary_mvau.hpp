// Binary matrix-vector unit for Vitis HLS, with binary_mvau.sv's parameters, streams and memories:
// PE rows of SIMD lanes compare a beat of the vector with the weights; a popcount adds up the
// matches, an accumulator adds up the beats. Bit 1 is +1, bit 0 is -1.
//
// The sum of products is 2 matches - MW. In a convolution with zero padding a padded tap must
// add 0 to it, though it comes as bits, all -1: what it adds is known from where the output lies,
// its border class, and is taken out by what the accumulator starts from. With thresholds it
// starts from half the accumulator's range less the matches that the output needs, so that the
// sign bit is the output.
//
// A beat of a pass is compared each cycle, also from one vector and one frame to the next. The
// beats of a vector come in its first pass and are kept for the others. While those go on, nothing
// is taken, unlike in the RTL: a producer that is even, but no faster than a vector needs on
// average, must have room for a vector in between.

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
    int THRESHOLDS,      // 1: bits leave, 0: accumulators
    int ACC_BITS,        // of an accumulator, enough for its range
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
    int INITS_BLOCK_RAM  // the same for what accumulators start from
>
void binary_mvau(
    hls::stream<ap_uint<SIMD> > &in,  // beats of the vector
    hls::stream<ap_uint<PE * (THRESHOLDS ? 1 : ACC_BITS)> > &out,  // outputs pass * PE and on
    // At pass * beats + beat, bit lane * PE + row.
    const ap_uint<SIMD * PE> (&weights)[(MW / SIMD) * (MH / PE)],
    // What PE accumulators start from: a word for each pass rounded up to a power of two, these
    // for each class.
    const ap_uint<PE * ACC_BITS> (&inits)[CLASSES * power_of_two(MH / PE)],
    unsigned frames  // how many come, OH * OW vectors each
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
                // Accumulators leave as sums of products, so a match counts 2.
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
