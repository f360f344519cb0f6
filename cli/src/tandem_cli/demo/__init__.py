"""The AXA France programme, played through the services' gRPC and events by a client like any other."""
