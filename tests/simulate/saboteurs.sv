// The accelerator of the simulator's tests: a register slice between two saboteurs.

module accelerator (
    input  logic       ap_clk,
    input  logic       ap_rst_n,
    input  logic [7:0] in0_V_TDATA,
    input  logic       in0_V_TVALID,
    output logic       in0_V_TREADY,
    output logic [7:0] out0_V_TDATA,
    output logic       out0_V_TVALID,
    input  logic       out0_V_TREADY,
    output logic [7:0] tap1_data,
    output logic       tap1_valid, tap1_ready,
    output logic [7:0] tap2_data,
    output logic       tap2_valid, tap2_ready,
    output logic [7:0] tap3_data,
    output logic       tap3_valid, tap3_ready
);

    assign out0_V_TDATA = tap3_data;
    assign out0_V_TVALID = tap3_valid;
    assign tap3_ready = out0_V_TREADY;

    saboteur #(.FAULT("first.hex")) first (
        .clk(ap_clk), .rst_n(ap_rst_n),
        .in_data(in0_V_TDATA), .in_valid(in0_V_TVALID), .in_ready(in0_V_TREADY),
        .out_data(tap1_data), .out_valid(tap1_valid), .out_ready(tap1_ready)
    );
    register_slice #(.W(8)) slice (
        .clk(ap_clk), .rst_n(ap_rst_n),
        .in_data(tap1_data), .in_valid(tap1_valid), .in_ready(tap1_ready),
        .out_data(tap2_data), .out_valid(tap2_valid), .out_ready(tap2_ready)
    );
    saboteur #(.FAULT("last.hex")) last (
        .clk(ap_clk), .rst_n(ap_rst_n),
        .in_data(tap2_data), .in_valid(tap2_valid), .in_ready(tap2_ready),
        .out_data(tap3_data), .out_valid(tap3_valid), .out_ready(tap3_ready)
    );

endmodule
