// Tracks the border class of a convolution's output position, one position per step. Vertically and
// horizontally, a run is a range of positions at which the same kernel taps lie in the padding.
// Each pair of a vertical and a horizontal run is a class, numbered row by row. A 3x3 kernel with
// padding 1 has 9.

#ifndef IRNET_BORDER_CLASS_HPP
#define IRNET_BORDER_CLASS_HPP

#include "counter.hpp"

namespace irnet {

// Where an edge of the image lies within the kernel.
constexpr int limited(int edge_at, int kernel) {
    return edge_at < 0 ? 0 : edge_at > kernel ? kernel : edge_at;
}

// Whether a run ends at a position: at the next one, the kernel overlaps the padding differently.
constexpr bool run_ends(int at, int kernel, int stride, int pad, int size) {
    return limited(pad - at * stride, kernel) != limited(pad - (at + 1) * stride, kernel) ||
           limited(pad - at * stride + size, kernel) !=
               limited(pad - (at + 1) * stride + size, kernel);
}

// The number of runs up to position `last`.
constexpr int runs(int last, int kernel, int stride, int pad, int size) {
    return last < 1 ? 1
                    : runs(last - 1, kernel, stride, pad, size) +
                          (run_ends(last - 1, kernel, stride, pad, size) ? 1 : 0);
}

template <
    int KH,      // rows and columns of the kernel
    int KW,
    int SH,      // stride down and right
    int SW,
    int PAD_H,   // padding at the top and at the left
    int PAD_W,
    int IH,      // rows and columns of the image
    int IW,
    int OH,      // rows and columns of the output
    int OW,
    int CLASSES  // number of border classes
>
class border_class {
    static_assert(KH >= 1 && KW >= 1, "border_class: KH and KW must be at least 1");
    static_assert(SH >= 1 && SW >= 1, "border_class: SH and SW must be at least 1");
    static_assert(PAD_H >= 0 && PAD_W >= 0, "border_class: PAD_H and PAD_W must be at least 0");
    static_assert(IH >= 1 && IW >= 1, "border_class: IH and IW must be at least 1");
    static_assert(OH >= 1 && OW >= 1, "border_class: OH and OW must be at least 1");

    static constexpr int COLUMN_RUNS = runs(OW - 1, KW, SW, PAD_W, IW);
    static_assert(CLASSES == runs(OH - 1, KH, SH, PAD_H, IH) * COLUMN_RUNS,
                  "border_class: CLASSES must be the runs down times the runs across");

    counter<CLASSES> border = 0;
    counter<OH> y = 0;
    counter<OW> x = 0;

public:
    // Class of this position; 0 for the first.
    counter<CLASSES> now() const {
#pragma HLS INLINE
        return border;
    }

    // Go to the next position; after the last, the first.
    void step() {
#pragma HLS INLINE
        const bool row_run_ends = run_ends(y, KH, SH, PAD_H, IH);
        const bool column_run_ends = run_ends(x, KW, SW, PAD_W, IW);
        if (advance<OW>(x)) {
            if (advance<OH>(y)) {
                border = 0;
            } else {
                border = row_run_ends ? border + 1 : border - (COLUMN_RUNS - 1);
            }
        } else if (column_run_ends) {
            border = border + 1;
        }
    }
};

}  // namespace irnet

#endif
