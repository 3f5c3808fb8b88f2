// A layer for the simulator's tests: 8-bit beats pass unchanged until a fault strikes. The hex file
// has two words: the fault and the beat at which it strikes.

module saboteur #(
    parameter FAULT = ""  // hex file
) (
    input  logic       clk,
    input  logic       rst_n,
    input  logic [7:0] in_data,
    input  logic       in_valid,
    output logic       in_ready,
    output logic [7:0] out_data,
    output logic       out_valid,
    input  logic       out_ready
);

    localparam int NONE = 0, STOPS = 1, LOSES = 2, REPEATS = 3, FLICKERS = 4;

    logic [31:0] fault[2];
    initial $readmemh(FAULT, fault);

    logic [31:0] count;  // beats taken
    logic struck, again, tick;

    assign struck = count >= fault[1];
    assign out_data = in_data;

    always_comb begin
        out_valid = in_valid;
        in_ready  = out_ready;
        if (fault[0] == STOPS && struck) begin
            out_valid = 1'b0;
            in_ready  = 1'b0;
        end else if (fault[0] == LOSES && count == fault[1]) begin
            out_valid = 1'b0;
            in_ready  = 1'b1;
        end else if (fault[0] == REPEATS && count == fault[1] && !again) begin
            in_ready = 1'b0;
        end else if (fault[0] == FLICKERS && struck && !tick) begin
            out_valid = 1'b0;
            in_ready  = 1'b0;
        end
    end

    always_ff @(posedge clk) begin
        tick <= !tick;
        if (!rst_n) begin
            count <= '0;
            again <= 1'b0;
            tick  <= 1'b0;
        end else if (in_valid && in_ready) begin
            count <= count + 1;
        end else if (out_valid && out_ready) begin
            again <= 1'b1;
        end
    end

endmodule
