// Parallel window for Vitis HLS, with the parameters and streams of parallel_window.sv: streams the
// windows of a convolution, all taps of a window in parallel, padding included.
//
// The image comes in row by row, WORDS beats per pixel, into ROWS memories of one row each, used in
// turn. The rows of a row of windows are read together, column by column; the last KW columns form
// a window. Only padding columns to the right of the image cost cycles; left padding is whatever
// the column shift register holds when a line starts. Elements outside the image are replaced by
// PAD.
//
// Each iteration of the single loop can take an input beat and read a beat of a column, whether or
// not a window ends there. A beat can be read in the cycle after it was written. The windows' first
// row is overwritten as far as it has been read: beats of the next rows, and of the next frame,
// come in while windows leave. Padding rows above the image occupy rows of the buffer like any
// others.
//
// Input is read without blocking, so windows that can leave do. But while an output is not taken,
// no input is taken either, unlike in the RTL.

#ifndef IRNET_PARALLEL_WINDOW_HPP
#define IRNET_PARALLEL_WINDOW_HPP

#include <ap_int.h>
#include <hls_stream.h>

#include "counter.hpp"
#include "memory.hpp"

namespace irnet {

template <
    int LANES,     // elements of an input beat
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
    int ROWS,      // rows of the buffer, at least 2 and KH
    int BLOCK_RAM  // 1: the buffer is in block RAM, 0: in LUTs
>
void parallel_window(
    hls::stream<ap_uint<LANES * BITS> > &in,             // some channels of a pixel
    hls::stream<ap_uint<KH * KW * LANES * BITS> > &out,  // these channels of a window, row by row
    unsigned frames                                      // how many to process
) {
    static_assert(LANES >= 1, "parallel_window: LANES must be at least 1");
    static_assert(BITS >= 1, "parallel_window: BITS must be at least 1");
    static_assert(WORDS >= 1, "parallel_window: WORDS must be at least 1");
    static_assert(KH >= 1 && KW >= 1, "parallel_window: KH and KW must be at least 1");
    static_assert(SH >= 1 && SW >= 1, "parallel_window: SH and SW must be at least 1");
    static_assert(TOP >= 0 && LEFT >= 0, "parallel_window: TOP and LEFT must be at least 0");
    static_assert(W_IN >= 1 && W_OUT >= 1, "parallel_window: W_IN and W_OUT must be at least 1");
    // With more rows than these below the last window, H_OUT would be larger.
    static_assert(H_IN >= 1 && H_OUT >= 1 && H_IN + TOP - (H_OUT - 1) * SH < KH + SH,
                  "parallel_window: H_OUT must fit H_IN");
    static_assert(KW + (W_OUT - 1) * SW > LEFT,
                  "parallel_window: the last window must end right of LEFT");
    static_assert(ROWS >= 2 && ROWS >= KH, "parallel_window: ROWS must be at least 2 and KH");

    constexpr int W = LANES * BITS;                    // bits of an input beat
    constexpr int ROW = W_IN * WORDS;                  // beats of an image row
    constexpr int LAST_TOP = (H_OUT - 1) * SH - TOP;   // row where the last windows start
    constexpr int FIRST_END = KW - 1 - LEFT;           // column where a line's first window ends
    constexpr int LAST_COL = FIRST_END + (W_OUT - 1) * SW;
    constexpr int FIRST_COL = FIRST_END < 0 ? FIRST_END : 0;
    constexpr int FIRST_BEAT = FIRST_COL * WORDS;      // first one read in a line
    constexpr int LAST_BEAT = LAST_COL * WORDS + WORDS - 1;
    constexpr int BEFORE = (KW - 1) * WORDS;           // column beats that are remembered
    constexpr int UNTIL_FIRST = FIRST_END - FIRST_COL; // columns before a line's first window ends
    constexpr int WAIT = (UNTIL_FIRST > SW - 1 ? UNTIL_FIRST : SW - 1) + 1;
    // Slots from a line of windows to the next one and to the next frame's first one. Slots are
    // counted as if the padding rows above the image had been written.
    constexpr int TO_NEXT_LINE = SH % ROWS;
    constexpr int TO_NEXT_FRAME = ((H_IN - TOP - LAST_TOP) % ROWS + ROWS) % ROWS;
    constexpr int AT_FIRST = (ROWS - TOP % ROWS) % ROWS;
    constexpr int HELD_MOST = ROWS + 1 + TOP > KH + SH ? ROWS + 1 + TOP : KH + SH;
    typedef ap_uint<W> beat_t;
    typedef ap_uint<KH * W> column_t;
    typedef ap_int<signed_bits_for(FIRST_BEAT, LAST_BEAT > ROW ? LAST_BEAT : ROW)> col_t;
    typedef ap_int<signed_bits_for(-TOP, LAST_TOP + SH > H_IN ? LAST_TOP + SH : H_IN)> top_t;
    typedef ap_int<signed_bits_for(-H_IN - HELD_MOST, HELD_MOST)> held_t;

    beat_t rows[ROWS][ROW];
#pragma HLS ARRAY_PARTITION variable=rows type=complete dim=1
    for (int slot = 0; slot < ROWS; slot++) {
#pragma HLS UNROLL
        memory<BLOCK_RAM>::buffer(rows[slot]);
    }
    column_t past[BEFORE + 1];  // previous column beats, the newest first
#pragma HLS ARRAY_PARTITION variable=past type=complete
    beat_t padding;
    for (int lane = 0; lane < LANES; lane++) {
#pragma HLS UNROLL
        padding.range((lane + 1) * BITS - 1, lane * BITS) = ap_uint<BITS>(PAD);
    }

    // Complete rows, from the windows' first one on. Padding rows above the image are complete as
    // soon as the previous frame has ended. Negative while rows that no window needs are still to
    // come: the stride or the frame's end has already skipped them.
    held_t held = TOP;

    counter<ROW> write_col = 0;  // beats already written to the current row
    counter<ROWS> write_slot = 0;
    counter<H_IN> write_row = 0;

    top_t top = -TOP;                      // image row where the windows start
    col_t col = FIRST_BEAT;                // beat within the rows
    counter<WORDS> word = 0;               // beat within the pixel
    counter<WAIT> columns = UNTIL_FIRST;   // still to read until a window ends
    counter<ROWS> first_slot = AT_FIRST;   // of the windows' first row
    ap_uint<KW> columns_inside = 0;        // which previous columns are in the image

    unsigned frames_in = 0, frames_out = 0;

    while (frames_in < frames || frames_out < frames) {
#pragma HLS PIPELINE II=1 style=flp
        // Rows that the windows need; padding rows below the image do not belong to the frame.
        const held_t needed = top > H_IN        ? held_t(0)
                              : top > H_IN - KH ? held_t(H_IN - top)
                                                : held_t(KH);
        const bool in_image = col >= 0 && col < ROW;
        const bool present = needed <= held || (needed == held + 1 && col < write_col);
        // The frame's first beat has come: padding must not run ahead of it.
        const bool begun = frames_in > frames_out ||
            (frames_in == frames_out && (write_row != 0 || write_col != 0));
        // When all rows are occupied, the windows' first row is free as far as it has been read.
        // Below the image the windows have no such row: those held belong to the next frame.
        const bool room = held < ROWS || (held == ROWS && top < H_IN && write_col < col);
        held_t change = 0;

        if (begun && (present || !in_image)) {
            beat_t beats[ROWS];  // of each row of the buffer
#pragma HLS ARRAY_PARTITION variable=beats type=complete
            for (int slot = 0; slot < ROWS; slot++) {
#pragma HLS UNROLL
                beats[slot] = in_image ? rows[slot][col] : padding;
            }
            column_t column;  // from the windows' first row on
            for (int i = 0; i < KH; i++) {
#pragma HLS UNROLL
                const counter<ROWS> slot = further<ROWS>(first_slot, i);
                const bool row_inside = top + i >= 0 && top + i < H_IN;
                column.range((i + 1) * W - 1, i * W) = row_inside ? beats[slot] : padding;
            }
            for (int n = BEFORE; n > 0; n--) {
#pragma HLS UNROLL
                past[n] = past[n - 1];
            }
            past[0] = column;
            columns_inside[KW - 1] = in_image;

            if (columns == 0) {
                ap_uint<KH * KW * W> window;
                for (int i = 0; i < KH; i++) {
                    for (int j = 0; j < KW; j++) {
#pragma HLS UNROLL
                        const beat_t tap =
                            past[(KW - 1 - j) * WORDS].range((i + 1) * W - 1, i * W);
                        window.range((i * KW + j + 1) * W - 1, (i * KW + j) * W) =
                            columns_inside[j] ? tap : padding;
                    }
                }
                out.write(window);
            }

            const bool line_ends = col == LAST_BEAT;
            col = line_ends ? col_t(FIRST_BEAT) : col_t(col + 1);
            if (advance<WORDS>(word)) {
                columns_inside = columns_inside >> 1;
                columns = columns == 0 ? counter<WAIT>(SW - 1) : counter<WAIT>(columns - 1);
            }
            if (line_ends) {
                // Left of a line's first column, there is padding.
                columns_inside = 0;
                columns = UNTIL_FIRST;
                const bool last_line = top == LAST_TOP;
                const top_t next_top = top + SH;
                const top_t clipped = top > H_IN ? top_t(H_IN) : top;
                const top_t next = next_top > H_IN ? top_t(H_IN) : next_top;
                change = clipped - (last_line ? top_t(H_IN - TOP) : next);
                first_slot = further<ROWS>(first_slot, last_line ? TO_NEXT_FRAME : TO_NEXT_LINE);
                top = last_line ? top_t(-TOP) : next_top;
                if (last_line) frames_out++;
            }
        }

        beat_t beat;
        if (frames_in < frames && room && in.read_nb(beat)) {
            rows[write_slot][write_col] = beat;
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
