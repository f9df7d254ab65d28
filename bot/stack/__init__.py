"""Starting and stopping: trains when needed, runs the processes, waits until all are healthy, ends them together."""
