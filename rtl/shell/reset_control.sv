// Reset control: aresetn resets everything at once. A soft reset breaks no transfer on the bus: it
// resets the accelerator and the streams around it at once, but the DMA only when all its bursts
// have ended. Then both stay in reset for 16 more cycles.

module reset_control (
    input  logic clk,
    input  logic rst_n,       // synchronous, active low: resets everything

    input  logic request,     // begin a soft reset
    input  logic busy,        // a transfer is under way on the bus
    output logic resetting,   // from the request until it is over

    output logic acc_rst_n,   // synchronous, active low: accelerator; from a flip-flop
    output logic flow_rst_n,  // likewise: queue, streams, counters
    output logic dma_rst_n    // likewise: DMA
);

    logic       begun;        // a soft reset is under way
    logic       quiet;        // the bus is idle: the DMA is in reset
    logic [3:0] cycles;       // since then

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            begun  <= 1'b0;
            quiet  <= 1'b0;
            cycles <= '0;
        end else if (!begun) begin
            begun <= request;
        end else if (!quiet) begin
            quiet <= !busy;
        end else begin
            cycles <= cycles + 1'b1;
            if (&cycles) begin
                begun <= 1'b0;
                quiet <= 1'b0;
            end
        end
    end

    always_ff @(posedge clk) acc_rst_n <= rst_n && !begun;

    // The accelerator is reset a cycle late; until then its output must not be taken.
    assign resetting = begun || !acc_rst_n;
    assign flow_rst_n = rst_n && !resetting;
    assign dma_rst_n = rst_n && !quiet;

endmodule
