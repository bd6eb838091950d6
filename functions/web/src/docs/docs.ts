// The API's description in Swagger UI, from our own origin.
import SwaggerUIBundle from "swagger-ui-dist/swagger-ui-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  // No description of ours leaves for somebody else's validator.
  validatorUrl: null,
});
