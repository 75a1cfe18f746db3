"""What the node knows: instances, studies, jobs, results and deliveries, durable and checked."""
