// The accelerator of the harness' tests: a register slice between two saboteurs.

module accelerator (
    input  logic       ap_clk,
    input  logic       ap_rst_n,
    input  logic [7:0] in0_V_TDATA,
    input  logic       in0_V_TVALID,
    output logic       in0_V_TREADY,
    output logic [7:0] out0_V_TDATA,
    output logic       out0_V_TVALID,
    input  logic       out0_V_TREADY,
    output logic [7:0] tap0_data,
    output logic       tap0_fire,
    output logic [7:0] tap1_data,
    output logic       tap1_fire,
    output logic [7:0] tap2_data,
    output logic       tap2_fire
);

    logic tap0_valid, tap0_ready, tap1_valid, tap1_ready;

    assign tap0_fire = tap0_valid && tap0_ready;
    assign tap1_fire = tap1_valid && tap1_ready;
    assign tap2_fire = out0_V_TVALID && out0_V_TREADY;
    assign out0_V_TDATA = tap2_data;

    saboteur #(.FAULT("first.hex")) first (
        .clk(ap_clk), .rst_n(ap_rst_n),
        .in_data(in0_V_TDATA), .in_valid(in0_V_TVALID), .in_ready(in0_V_TREADY),
        .out_data(tap0_data), .out_valid(tap0_valid), .out_ready(tap0_ready)
    );
    register_slice #(.W(8)) slice (
        .clk(ap_clk), .rst_n(ap_rst_n),
        .in_data(tap0_data), .in_valid(tap0_valid), .in_ready(tap0_ready),
        .out_data(tap1_data), .out_valid(tap1_valid), .out_ready(tap1_ready)
    );
    saboteur #(.FAULT("last.hex")) last (
        .clk(ap_clk), .rst_n(ap_rst_n),
        .in_data(tap1_data), .in_valid(tap1_valid), .in_ready(tap1_ready),
        .out_data(tap2_data), .out_valid(out0_V_TVALID), .out_ready(out0_V_TREADY)
    );

endmodule
