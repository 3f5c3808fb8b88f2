// Sliding window for Vitis HLS, with the parameters and streams of sliding_window.sv: streams the
// windows of a convolution, padding included.
//
// The image comes in row by row, WORDS beats per pixel, into a circular buffer of ROWS rows. The
// windows leave one after the other, each row by row, WORDS beats per pixel; positions outside the
// image carry PAD, which is inserted on the way out. Each iteration of the single loop can take a
// beat and output one. A beat can be read in the cycle after it was written, and a row is released
// in the cycle after its last window's last beat was read. A frame takes max(beats in, beats out)
// cycles, if ROWS suffices; the rows of the next frame come in while the windows of this one leave.
//
// Input is read without blocking, so beats that can leave do. But while an output beat is not
// taken, no input is taken either, unlike in the RTL.

#ifndef IRNET_SLIDING_WINDOW_HPP
#define IRNET_SLIDING_WINDOW_HPP

#include <ap_int.h>
#include <hls_stream.h>

#include "counter.hpp"
#include "memory.hpp"

namespace irnet {

template <
    int LANES,     // elements of a beat
    int BITS,      // width of an element
    int PAD,       // value of an element outside the image, BITS bits
    int WORDS,     // beats of a pixel
    int H_IN,      // image, in pixels
    int W_IN,
    int H_OUT,     // windows down and across
    int W_OUT,
    int KH,        // window, in pixels
    int KW,
    int SH,        // stride, in pixels
    int SW,
    int TOP,       // padding above and left; below and right follow
    int LEFT,
    int ROWS,      // rows of the buffer, at least KH + SH
    int BLOCK_RAM  // 1: the buffer is in block RAM, 0: in LUTs
>
void sliding_window(
    hls::stream<ap_uint<LANES * BITS> > &in,   // some channels of a pixel
    hls::stream<ap_uint<LANES * BITS> > &out,  // some channels of a pixel of a window
    unsigned frames                            // how many to process
) {
    static_assert(LANES >= 1, "sliding_window: LANES must be at least 1");
    static_assert(BITS >= 1, "sliding_window: BITS must be at least 1");
    static_assert(WORDS >= 1, "sliding_window: WORDS must be at least 1");
    static_assert(KH >= 1 && KW >= 1, "sliding_window: KH and KW must be at least 1");
    static_assert(SH >= 1 && SW >= 1, "sliding_window: SH and SW must be at least 1");
    static_assert(TOP >= 0 && LEFT >= 0, "sliding_window: TOP and LEFT must be at least 0");
    static_assert(W_IN >= 1 && W_OUT >= 1, "sliding_window: W_IN and W_OUT must be at least 1");
    // With more rows than these below the last window, H_OUT would be larger.
    static_assert(H_IN >= 1 && H_OUT >= 1 && H_IN + TOP - (H_OUT - 1) * SH < KH + SH,
                  "sliding_window: H_OUT must fit H_IN");
    static_assert(ROWS >= KH + SH, "sliding_window: ROWS must be at least KH + SH");

    constexpr int ROW = W_IN * WORDS;  // beats of an image row
    constexpr int RUN = KW * WORDS;    // beats of a window row, consecutive in the image row
    constexpr int STEP = SW * WORDS;   // beats from a window to the next one
    constexpr int FIRST_X = -LEFT * WORDS;                // beat where the first window starts
    constexpr int LAST_X = (W_OUT - 1) * STEP + FIRST_X;  // likewise for the last
    constexpr int LAST_Y = (H_OUT - 1) * SH - TOP;        // row where the last window starts
    typedef ap_uint<LANES * BITS> beat_t;
    typedef ap_int<signed_bits_for(FIRST_X, LAST_X + RUN > ROW ? LAST_X + RUN : ROW)> x_t;
    typedef ap_int<signed_bits_for(-TOP, LAST_Y + SH + KH > H_IN ? LAST_Y + SH + KH : H_IN)> y_t;
    typedef ap_int<signed_bits_for(-H_IN - ROWS, ROWS)> held_t;

    beat_t rows[ROWS * ROW];
    memory<BLOCK_RAM>::buffer(rows);
    beat_t padding;
    for (int lane = 0; lane < LANES; lane++) {
#pragma HLS UNROLL
        padding.range((lane + 1) * BITS - 1, lane * BITS) = ap_uint<BITS>(PAD);
    }

    // Complete rows, from the window's first one on. Negative while rows that no window needs are
    // still to come: the stride or the frame's end has already skipped them.
    held_t held = 0;

    counter<ROW> write_col = 0;  // beats already written to the current row
    counter<ROWS> write_slot = 0;
    counter<H_IN> write_row = 0;

    x_t left = FIRST_X;           // beat of the image row where the window starts
    x_t col = FIRST_X;            // beat of the image row to read
    y_t top = -TOP;               // image row where the window starts
    y_t row = -TOP;               // image row to read
    counter<RUN> tap = 0;         // beat within the window row
    counter<KH> krow = 0;         // row within the window
    held_t ahead = 0;             // rows from the first one held to the one to read
    counter<ROWS> base_slot = 0;  // of the first row held, which is the window's first one
    counter<ROWS> slot = 0;       // of the row to read

    unsigned frames_in = 0, frames_out = 0;

    while (frames_in < frames || frames_out < frames) {
#pragma HLS PIPELINE II=1 style=flp
        // The frame's first beat has come: padding must not run ahead of it.
        const bool begun = frames_in > frames_out ||
            (frames_in == frames_out && (write_row != 0 || write_col != 0));
        const bool room = held != ROWS;
        const bool padded = row < 0 || row >= H_IN || col < 0 || col >= ROW;
        const bool present = ahead < held || (ahead == held && col < write_col);
        held_t change = 0;

        if (padded ? begun : present) {
            out.write(padded ? padding : rows[slot * ROW + col]);
            if (!advance<RUN>(tap)) {
                col = col + 1;
            } else if (!advance<KH>(krow)) {
                col = left;
                if (row >= 0) {
                    ahead = ahead + 1;
                    advance<ROWS>(slot);
                }
                row = row + 1;
            } else if (left != LAST_X) {
                left = left + STEP;
                col = left;
                row = top;
                ahead = 0;
                slot = base_slot;
            } else {
                // The next row of windows, and the rows that it releases.
                const bool frame_ends = top == LAST_Y;
                const y_t next_top = top + SH;
                const y_t first = top < 0 ? y_t(0) : top > H_IN ? y_t(H_IN) : top;
                const y_t next = next_top < 0 ? y_t(0) : next_top > H_IN ? y_t(H_IN) : next_top;
                const held_t released = (frame_ends ? y_t(H_IN) : next) - first;
                base_slot = further<ROWS>(base_slot, released);
                slot = base_slot;
                ahead = 0;
                left = FIRST_X;
                col = FIRST_X;
                top = frame_ends ? y_t(-TOP) : next_top;
                row = top;
                change = -released;
                if (frame_ends) frames_out++;
            }
        }

        beat_t beat;
        if (frames_in < frames && room && in.read_nb(beat)) {
            rows[write_slot * ROW + write_col] = beat;
            if (advance<ROW>(write_col)) {
                advance<ROWS>(write_slot);
                change = change + 1;
                if (advance<H_IN>(write_row)) frames_in++;
            }
        }
        held = held + change;
    }
}

}  // namespace irnet

#endif
