// Cells that Yosys maps to, or the library instantiates, and nextpnr-xilinx does not pack, made of
// cells that it packs. For Yosys' techmap. Old versions leave the output O5 of a LUT6_2 open.

(* techmap_celltype = "LUT6_2" *)
module lut6_2 (output O6, O5, input I0, I1, I2, I3, I4, I5);
    parameter [63:0] INIT = 0;
    parameter _TECHMAP_CONSTMSK_I5_ = 0;
    parameter _TECHMAP_CONSTVAL_I5_ = 0;
    LUT5 #(.INIT(INIT[31:0])) low (.O(O5), .I0(I0), .I1(I1), .I2(I2), .I3(I3), .I4(I4));
    generate
        if (_TECHMAP_CONSTMSK_I5_ && _TECHMAP_CONSTVAL_I5_)
            LUT5 #(.INIT(INIT[63:32])) high (.O(O6), .I0(I0), .I1(I1), .I2(I2), .I3(I3), .I4(I4));
        else
            LUT6 #(.INIT(INIT)) whole (
                .O(O6), .I0(I0), .I1(I1), .I2(I2), .I3(I3), .I4(I4), .I5(I5)
            );
    endgenerate
endmodule

// A memory with one address, as one with two, both the same. The output is that of the second: the
// packer gives the first outputs of all memories that share an address and a write enable, such as
// the bits of a word, to the same LUT.

(* techmap_celltype = "RAM64X1S" *)
module ram64x1s (output O, input A0, A1, A2, A3, A4, A5, D, WCLK, WE);
    parameter [63:0] INIT = 0;
    parameter [0:0] IS_WCLK_INVERTED = 0;
    RAM64X1D #(.INIT(INIT), .IS_WCLK_INVERTED(IS_WCLK_INVERTED)) ram (
        .DPO(O), .D(D), .WCLK(WCLK), .WE(WE), .A0(A0), .A1(A1), .A2(A2), .A3(A3), .A4(A4), .A5(A5),
        .DPRA0(A0), .DPRA1(A1), .DPRA2(A2), .DPRA3(A3), .DPRA4(A4), .DPRA5(A5)
    );
endmodule

(* techmap_celltype = "RAM128X1S" *)
module ram128x1s (output O, input A0, A1, A2, A3, A4, A5, A6, D, WCLK, WE);
    parameter [127:0] INIT = 0;
    parameter [0:0] IS_WCLK_INVERTED = 0;
    wire [6:0] address = {A6, A5, A4, A3, A2, A1, A0};
    RAM128X1D #(.INIT(INIT), .IS_WCLK_INVERTED(IS_WCLK_INVERTED)) ram (
        .SPO(O), .D(D), .WCLK(WCLK), .WE(WE), .A(address), .DPRA(address)
    );
endmodule

(* techmap_celltype = "RAM256X1S" *)
module ram256x1s (output O, input [7:0] A, input D, WCLK, WE);
    parameter [255:0] INIT = 0;
    parameter [0:0] IS_WCLK_INVERTED = 0;
    wire [1:0] held, write;
    LUT2 #(.INIT(4'b0010)) first (.O(write[0]), .I0(WE), .I1(A[7]));
    LUT2 #(.INIT(4'b1000)) second (.O(write[1]), .I0(WE), .I1(A[7]));
    LUT3 #(.INIT(8'b11001010)) select (.O(O), .I0(held[0]), .I1(held[1]), .I2(A[7]));
    RAM128X1D #(.INIT(INIT[127:0]), .IS_WCLK_INVERTED(IS_WCLK_INVERTED)) low (
        .SPO(held[0]), .D(D), .WCLK(WCLK), .WE(write[0]), .A(A[6:0]), .DPRA(A[6:0])
    );
    RAM128X1D #(.INIT(INIT[255:128]), .IS_WCLK_INVERTED(IS_WCLK_INVERTED)) high (
        .SPO(held[1]), .D(D), .WCLK(WCLK), .WE(write[1]), .A(A[6:0]), .DPRA(A[6:0])
    );
endmodule
