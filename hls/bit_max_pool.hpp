// Bit max-pool for Vitis HLS, with the parameters, streams and mask of bit_max_pool.sv: the OR, or
// the AND where the mask is 1, of each channel over non-overlapping windows of KH x KW pixels. It
// takes one beat per cycle. Rows and columns beyond the last whole window are dropped: they form
// windows that never complete.
//
// The pixels of a window's row follow each other, so their partial result stays in registers, one
// word per beat of a pixel; only the results of whole window rows wait in a memory. Each address of
// it is used once per image row and at least two beats later, so it is written back before it is
// read again. If it has only one word, it is a register.

#ifndef IRNET_BIT_MAX_POOL_HPP
#define IRNET_BIT_MAX_POOL_HPP

#include <ap_int.h>
#include <hls_stream.h>

#include "counter.hpp"

namespace irnet {

template <
    int PE,     // channels of a beat
    int WORDS,  // beats of a pixel
    int H_IN,   // image, in pixels
    int W_IN,
    int KH,     // window and stride, in pixels
    int KW
>
void bit_max_pool(
    hls::stream<ap_uint<PE> > &in,       // PE channels of a pixel
    hls::stream<ap_uint<PE> > &out,      // PE channels of a window
    const ap_uint<PE> (&masks)[WORDS],   // for each beat of a pixel, 1 = AND
    unsigned frames                      // how many to process
) {
    static_assert(PE >= 1, "bit_max_pool: PE must be at least 1");
    static_assert(WORDS >= 1, "bit_max_pool: WORDS must be at least 1");
    static_assert(KH >= 1 && KH <= H_IN, "bit_max_pool: KH must be 1 to H_IN");
    static_assert(KW >= 1 && KW <= W_IN, "bit_max_pool: KW must be 1 to W_IN");

    constexpr int WINDOWS = (W_IN + KW - 1) / KW;  // across, the incomplete one included
    typedef ap_uint<PE> beat_t;

    beat_t in_row[WORDS];  // this row of the window so far, newest beat last
#pragma HLS ARRAY_PARTITION variable=in_row type=complete
    beat_t above[WINDOWS * WORDS];  // the completed rows of each window
#pragma HLS DEPENDENCE variable=above type=inter direction=RAW distance=2 true
    counter<WORDS> word = 0;
    counter<WINDOWS> window = 0;
    counter<KW> kx = 0;  // column and row within the window
    counter<KH> ky = 0;
    counter<W_IN> x = 0;
    counter<H_IN> y = 0;

    for (unsigned frame = 0; frame < frames; frame++) {
        for (int step = 0; step < H_IN * W_IN * WORDS; step++) {
#pragma HLS PIPELINE II=1 style=flp
            const beat_t mask = masks[word];
            const beat_t beat = in.read();
            const beat_t left = in_row[0];
            const beat_t row = kx == 0 ? beat
                                       : beat_t((mask & left & beat) | (~mask & (left | beat)));
            for (int i = 0; i < WORDS - 1; i++) {
#pragma HLS UNROLL
                in_row[i] = in_row[i + 1];
            }
            in_row[WORDS - 1] = row;

            if (kx == KW - 1) {
                const ap_uint<bits_for(WINDOWS * WORDS - 1)> address = window * WORDS + word;
                const beat_t held = above[address];
                const beat_t pooled = ky == 0 ? row
                                              : beat_t((mask & held & row) |
                                                       (~mask & (held | row)));
                above[address] = pooled;
                if (ky == KH - 1) out.write(pooled);
            }

            if (advance<WORDS>(word)) {
                if (advance<KW>(kx)) advance<WINDOWS>(window);
                if (advance<W_IN>(x)) {
                    kx = 0;
                    window = 0;
                    advance<KH>(ky);
                    if (advance<H_IN>(y)) ky = 0;
                }
            }
        }
    }
}

}  // namespace irnet

#endif
