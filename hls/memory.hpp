// Where an array of a kernel is kept: BLOCK_RAM 1 is block RAM, 0 LUTs, as in the RTL kernels.
// The BIND_STORAGE pragma takes no template parameter, so that each choice is a function of its
// own, which Vitis HLS inlines before it looks at the pragma.

#ifndef IRNET_MEMORY_HPP
#define IRNET_MEMORY_HPP

namespace irnet {

template <int BLOCK_RAM>
struct memory {
    static_assert(BLOCK_RAM == 0 || BLOCK_RAM == 1, "memory: BLOCK_RAM must be 0 or 1");

    // Read only.
    template <typename T, int DEPTH>
    static void constants(const T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=rom_1p impl=lutram
        (void)words;
    }

    // Written and read in the same cycle.
    template <typename T, int DEPTH>
    static void buffer(T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=ram_s2p impl=lutram
        (void)words;
    }
};

template <>
struct memory<1> {
    template <typename T, int DEPTH>
    static void constants(const T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=rom_1p impl=bram
        (void)words;
    }

    template <typename T, int DEPTH>
    static void buffer(T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=ram_s2p impl=bram
        (void)words;
    }
};

}  // namespace irnet

#endif
